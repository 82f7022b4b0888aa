"""JSON whose every text PostgreSQL can hold."""

from typing import Any

from em_agent.kit import json

_REPLACEMENT = "\ufffd"


def loads(body: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    """The document in `body`, with U+FFFD for the characters that no text of PostgreSQL has: NUL and half pairs.

    Raises:
        ValueError: the body is not JSON in UTF-8.

    """
    document = json.loads(body.decode())
    # Only an escape can stand for such a character: nearly every body is spared the walk.
    return _clean(document) if b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body else document


def _clean(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return "".join(_REPLACEMENT if is_odd(character) else character for character in value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def is_odd(character: str) -> bool:
    """Whether it is NUL, or one half of a surrogate pair."""
    return character == "\x00" or "\ud800" <= character <= "\udfff"
