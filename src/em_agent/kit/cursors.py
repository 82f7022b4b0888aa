"""The place in a list to go on from, as an opaque text: the sort key and the id of the last row of a page."""

import base64
import binascii
from datetime import datetime

import orjson

from em_agent.errors import InvalidError

FOREIGN = "cursor is not one that this API gave: take next_cursor of the page before."


def encode(key: object, row_id: str) -> str:
    """The cursor behind the row with that sort key and id."""
    text = key.isoformat() if isinstance(key, datetime) else key if key is None else str(key)
    return base64.urlsafe_b64encode(orjson.dumps([text, row_id])).decode()


def decode(cursor: str) -> tuple[str | None, str]:
    """The sort key, as text, and the id that are in the cursor.

    Raises:
        InvalidError: it is none of ours.

    """
    try:
        key, row_id = orjson.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidError(FOREIGN) from error
    if not isinstance(row_id, str) or not (key is None or isinstance(key, str)):
        raise InvalidError(FOREIGN)
    return key, row_id
