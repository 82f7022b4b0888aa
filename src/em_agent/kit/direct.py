"""A way past ASGI for short requests that need nothing of it: the body goes in, and one answer comes out later.

A task, an event, a scope and five awaited calls cost more than reading most bodies. So a POST whose body is short and
announced is offered to the application when it is complete. Whatever the application or this protocol does not want to
judge so takes uvicorn's own way, from the beginning.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

LONGEST_BODY_BYTES = 64 * 1024

Headers = Sequence[tuple[bytes, bytes]]
# Takes status, JSON and further headers.
Answer = Callable[[int, bytes, Headers], None]
# Gets URL, headers and body, and says whether it has taken the request; then it answers once.
Take = Callable[[bytes, Headers, bytes, Answer], bool]

log = structlog.get_logger()


@dataclass(frozen=True)
class DirectApp:
    """An ASGI application that takes some requests directly."""

    app: ASGIApp
    take: Take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do what the application does."""
        await self.app(scope, receive, send)


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's protocol for HTTP/1.1, which offers short requests to `take` first."""

    def __init__(self, config: uvicorn.Config, **further: Any) -> None:  # noqa: ANN401 - uvicorn's business
        """Offer to the application what suits."""
        super().__init__(config, **further)
        self._take = cast("DirectApp", config.app).take
        self._held: _Exchange | None = None

    def on_headers_complete(self) -> None:
        """Hold back what is offered when it is complete."""
        self._held = _Exchange(self) if self._suits() else None
        if self._held is None:
            super().on_headers_complete()
        else:
            self.cycle = cast("RequestResponseCycle", self._held)

    def on_body(self, body: bytes) -> None:
        """Gather the body."""
        if self._held is None:
            super().on_body(body)
        else:
            self._held.body += body

    def on_message_complete(self) -> None:
        """Offer the request; if it is not taken, begin it again in uvicorn's way."""
        held, self._held = self._held, None
        if held is None:
            super().on_message_complete()
        elif not self._is_taken(held):
            self.cycle = cast("RequestResponseCycle", None)
            super().on_headers_complete()
            self.cycle.keep_alive &= held.keep_alive
            super().on_body(held.body)
            super().on_message_complete()

    def _suits(self) -> bool:
        parser, cycle = self.parser, cast("RequestResponseCycle | None", self.cycle)
        if (cycle is not None and not cycle.response_complete) or self.expect_100_continue or self.flow.write_paused:
            return False
        if parser.get_method() != b"POST" or not parser.should_keep_alive() or parser.should_upgrade():
            return False
        for name, value in self.headers:
            if name == b"content-length":
                return value.isdigit() and int(value) <= LONGEST_BODY_BYTES
        return False

    def _is_taken(self, exchange: "_Exchange") -> bool:
        try:
            return self._take(self.url, self.headers, exchange.body, exchange.answer)
        except Exception:  # uvicorn's own way meets it again, where it belongs to one request and is answered with 500
            log.exception("request.not_taken")
            return False


class _Exchange:
    """One such request, with what the protocol wants to know of a request in its own way."""

    message_event = asyncio.Event()  # nobody waits for it

    def __init__(self, protocol: DirectProtocol) -> None:
        self._protocol = protocol
        self.body = b""
        self.response_complete = self.disconnected = False
        self.keep_alive = True

    def answer(self, status: int, body: bytes, headers: Headers) -> None:
        """Send the answer, if anybody is there to read it."""
        self.response_complete = True
        if self.disconnected:
            return
        protocol = self._protocol
        further = b"".join(b"%s: %s\r\n" % header for header in headers)
        if not self.keep_alive:
            further += b"connection: close\r\n"
        head = b"%scontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n%s"
        protocol.transport.write(head % (STATUS_LINE[status], len(body), further, body))
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()
