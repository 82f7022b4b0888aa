"""Guessing keys is slow."""

from em_agent.dashboard.attempts import FREE, WINDOW_SECONDS, Attempts


def test_whoever_guesses_waits() -> None:
    """After some wrong keys in a minute one waits until the first is a minute old; others do not wait."""
    now = 100.0
    attempts = Attempts(lambda: now)
    for _ in range(FREE):
        assert attempts.wait_seconds("guesser") == 0
        attempts.note_failure("guesser")
        now += 1
    assert attempts.wait_seconds("guesser") == WINDOW_SECONDS - FREE
    assert attempts.wait_seconds("somebody") == 0
    now += WINDOW_SECONDS - FREE
    assert attempts.wait_seconds("guesser") == 0


def test_a_right_key_is_the_end_of_it() -> None:
    """Who gives a right key starts anew."""
    attempts = Attempts(lambda: 0.0)
    for _ in range(FREE):
        attempts.note_failure("me")
    attempts.forget("me")
    assert attempts.wait_seconds("me") == 0
