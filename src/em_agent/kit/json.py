"""JSON text to Python and back."""

import json
import sys
import threading
from typing import Any

import orjson

# PostgreSQL reads documents that nest about ten thousand levels; orjson stops at 1,024 and the standard library at the
# interpreter's recursion limit.
_DEEPEST = 40_000
_LONGEST_INTEGER = 20
_DEEP_STACK_BYTES = 256 * 1024 * 1024

dumps = orjson.dumps
SORTED = orjson.OPT_SORT_KEYS


def dumps_any(document: object) -> bytes:
    """The text of what `loads` gave, whatever the size of its numbers; keys in order."""
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def loads(text: bytes | str) -> Any:  # noqa: ANN401 - a JSON document has any shape
    """The document in `text`: orjson's reading, else the slower one that takes any depth and any number.

    Raises:
        ValueError: the text is not JSON.

    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _loads_any(text)


def _parse_integer(digits: str) -> int | float:
    """Read what no program means as an integer as orjson does: beyond some length int() refuses, and it takes long."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _loads_any(text: bytes | str) -> Any:  # noqa: ANN401
    """Read in a thread with a large stack, since the standard library's scanner recurses for each level."""
    outcome: list[Any] = []
    failure: list[ValueError | RecursionError] = []

    def read() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEPEST)
        try:
            outcome.append(json.loads(text, parse_int=_parse_integer))
        except (ValueError, RecursionError) as error:
            failure.append(error)
        finally:
            sys.setrecursionlimit(limit)

    previous = threading.stack_size(_DEEP_STACK_BYTES)
    try:
        thread = threading.Thread(target=read)
        thread.start()
    finally:
        threading.stack_size(previous)
    thread.join()
    if failure:
        message = "not JSON that can be read"
        raise ValueError(message) from failure[0]
    return outcome[0]
