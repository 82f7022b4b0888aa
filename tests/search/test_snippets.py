"""Snippets."""

from hypothesis import given
from hypothesis import strategies as st

from em_agent.search.snippets import LONGEST_CHARACTERS, snippet


@given(st.text(max_size=2_000), st.lists(st.text(min_size=1, max_size=5), max_size=4))
def test_verbatim_and_short(text: str, stems: list[str]) -> None:
    """A snippet is one stretch of the text, no longer than allowed, and empty only where the text is."""
    piece = snippet(text, dict.fromkeys(stems, 1.0))
    assert piece in text
    assert len(piece) <= LONGEST_CHARACTERS
    assert bool(piece) == bool(text.strip())


def test_shows_what_was_asked() -> None:
    """It begins with the sentence that says most of what was asked, however far down."""
    text = "Nothing is known yet. " * 60 + "The certificate of the login page had expired. " + "All is well. " * 60
    assert snippet(text, {"certif": 3.0, "expir": 2.0}).startswith("The certificate of the login page had expired.")
    unbroken = "word " * 300 + "certificate " + "word " * 300
    assert "certificate" in snippet(unbroken, {"certif": 1.0})
