"""The little of ASGI that the webhook path needs."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from em_agent.kit import json

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyTooLargeError(Exception):
    """The body is over the limit."""


class DisconnectedError(Exception):
    """The sender went away before its body was complete."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how the metrics and the log name it."""

    status: int
    body: bytes
    outcome: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send) -> None:
        """Send it as JSON."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body)), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def error(status: int, detail: str, outcome: str, **headers: str) -> Reply:
    """An error in the shape that all our errors have; `retry_after="1"` makes a `Retry-After` header."""
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Reply(status, json.dumps({"detail": detail}), outcome, pairs)


async def read_body(receive: Receive, content_length: bytes, limit_bytes: int) -> bytes:
    """The request's whole body.

    Raises:
        BodyTooLargeError: it is longer than `limit_bytes`, by its header or in fact.
        DisconnectedError: it never became complete.

    """
    if content_length.isdigit() and int(content_length) > limit_bytes:
        raise BodyTooLargeError
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        chunk = message.get("body", b"")
        length += len(chunk)
        if length > limit_bytes:
            raise BodyTooLargeError
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def joined(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name; one that comes several times is joined by commas, as RFC 9110 has it."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b"," + value if name in headers else value
    return headers
