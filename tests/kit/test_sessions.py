"""Sessions that hold no key and need no store."""

from em_agent.kit.sessions import LASTS_SECONDS, Sessions

NOW = 1_800_000_000.0


def test_a_session_is_of_the_key_that_opened_it() -> None:
    """A session is valid while its key is set and its time has not come, in any process that has the key."""
    value = Sessions(["one", "two"]).issue("two", NOW)
    assert Sessions(["two"]).is_valid(value, NOW)
    assert Sessions(["two"]).is_valid(value, NOW + LASTS_SECONDS - 1)
    assert not Sessions(["two"]).is_valid(value, NOW + LASTS_SECONDS)
    assert not Sessions(["one"]).is_valid(value, NOW)
    assert not Sessions([]).is_valid(value, NOW)
    assert "two" not in value


def test_nobody_makes_a_session_without_a_key() -> None:
    """A value that was changed, cut, made longer or made up opens nothing, whatever characters it has."""
    sessions = Sessions(["key"])
    end, nonce, mac = sessions.issue("key", NOW).split(".")
    for value in (
        "",
        ".",
        "..",
        f"{int(end) + 1}.{nonce}.{mac}",
        f"{end}.{nonce}x.{mac}",
        f"{end}.{nonce}.{mac[:-1]}",
        f"{end}.{nonce}.",
        f"{end}..{mac}",
        f"{end}.{mac}",
        f"-1.{nonce}.{mac}",
        f"٣.{nonce}.{mac}",
        f"{end}.{nonce}.ü",
        "9" * 5000,
    ):
        assert not sessions.is_valid(value, NOW), value


def test_two_sessions_differ() -> None:
    """Each session is another value."""
    sessions = Sessions(["key"])
    assert sessions.issue("key", NOW) != sessions.issue("key", NOW)


def test_keys() -> None:
    """A key is one of those set, spaces around it aside."""
    sessions = Sessions(["one", "zwölf"])
    assert all(sessions.is_key(text) for text in ("one", " one\n", "zwölf"))
    assert not any(sessions.is_key(text) for text in ("", "on", "one1", "ONE", "\ud800"))
