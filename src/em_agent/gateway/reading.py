"""From the bytes of a body to a delivery."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from em_agent.domain.deliveries import Delivery
from em_agent.integrations.source import WebhookSource

_FORM = b"application/x-www-form-urlencoded"
# A form is decoded by pieces: all of a long one at once would take some hundred megabytes.
_PIECE_BYTES = 64 * 1024
_ESCAPE_BYTES = 3


@dataclass(slots=True)
class Arrival:
    """An authentic request: the raw body, and the JSON text in it, which is another where a form holds it."""

    source: WebhookSource
    headers: Mapping[bytes, bytes]
    signature: str
    body: bytes
    text: bytes

    def delivery(self, document: Mapping[str, Any]) -> Delivery:
        """What is recorded of it, where its text is this document."""
        return self._delivery(self.text, document)

    def unread(self) -> Delivery:
        """What is kept of it where its text is no document: the raw body."""
        return self._delivery(self.body, {})

    def _delivery(self, text: bytes, document: Mapping[str, Any]) -> Delivery:
        source, headers = self.source, self.headers
        kept = {
            name: headers[name.encode()].decode("latin-1") for name in source.kept_headers if name.encode() in headers
        }
        return Delivery(
            source=source.name,
            delivery_id=source.delivery_id(document, headers) or hashlib.sha256(self.body).hexdigest(),
            body=text,
            event_type=source.event_type(document, headers),
            occurred_at=source.occurred_at(document, headers),
            signature=self.signature or None,
            headers=kept,
        )

    def sent_at(self, document: Mapping[str, Any]) -> datetime | None:
        """When the sender says that it sent it, where its source has such a thing."""
        rule = self.source.sent_at
        return None if rule is None else rule.read(document, self.headers)


def read_plain(text: bytes) -> Mapping[str, Any] | None:
    """The text's object if it is one that PostgreSQL's json functions can read for certain.

    What orjson reads they read too, except for the escape of NUL; what it does not, they may.
    """
    if b"\\u0000" in text:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


async def json_text(source: WebhookSource, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """The JSON in a body: of a form the field that holds it, else the body itself."""
    if source.form_field is None or not headers.get(b"content-type", b"").lower().startswith(_FORM):
        return body
    field = source.form_field.encode()
    start = _value_starts(body, field)
    if start is None:
        return body
    end = body.find(b"&", start)
    return await asyncio.to_thread(_decode, memoryview(body)[start : len(body) if end < 0 else end])


def _value_starts(form: bytes, field: bytes) -> int | None:
    """Where the field's value begins in the form."""
    name = field + b"="
    if form.startswith(name):
        return len(name)
    place = form.find(b"&" + name)
    return None if place < 0 else place + 1 + len(name)


def _decode(value: memoryview) -> bytes:
    decoded = bytearray()
    place = 0
    while place < len(value):
        piece = bytes(value[place : place + _PIECE_BYTES])
        # An escape that the cut parts goes into the next piece.
        cut = piece.rfind(b"%", len(piece) - _ESCAPE_BYTES + 1) if place + len(piece) < len(value) else -1
        if cut > 0:
            piece = piece[:cut]
        decoded += unquote_to_bytes(piece.replace(b"+", b" "))
        place += len(piece)
    return bytes(decoded)
