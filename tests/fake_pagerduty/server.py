"""The HTTP server: tokens, rate limit, faults, then the answers that PagerDuty would give."""

import asyncio
import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.fake_pagerduty import answers
from tests.fake_pagerduty.account import Account
from tests.fake_pagerduty.answers import RefusalError
from tests.fake_pagerduty.faults import Fault

ADMIN = "y_NbAkKc66ryYTWUXYEu"
READ_ONLY = "u+read-only-key-20chr"


@dataclass(frozen=True)
class Token:
    """What a token may not read, as patterns of paths; `status` is how that is refused."""

    forbidden: tuple[str, ...] = ()
    status: int = 403


@dataclass
class FakePagerDuty:
    """The server's state, which a test may change while it serves."""

    account: Account
    tokens: dict[str, Token] = field(default_factory=lambda: {ADMIN: Token(), READ_ONLY: Token()})
    faults: list[Fault] = field(default_factory=list)
    # Requests a window allows, its length, and whether a 429 tells about it.
    rate_limit: int | None = None
    rate_seconds: float = 60.0
    tells_limits: bool = True
    # Called with the path before each answer: to have things happen while somebody pages.
    before: list[Callable[[str], None]] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    seen: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    limited: int = 0
    most_at_once: int = 0
    url: str = ""
    _at_once: int = 0
    _window: tuple[float, int] = (0.0, 0)

    @property
    def count(self) -> int:
        """How many requests there were, spoiled and refused ones included."""
        return self.requests.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._answer(scope, receive, send)
        finally:
            self._at_once -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path
        self.requests[re.sub(r"^/incidents/[^/]+", "/incidents/{id}", path)] += 1
        self.seen.append((path, request.query_params.multi_items()))
        for happen in self.before:
            happen(path)
        fault = next((fault for fault in self.faults if fault.strikes(path)), None)
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "reset":
            scope["transport"].abort()
            return
        if fault is not None and fault.kind == "status":
            await Response(fault.body, fault.status, dict(fault.headers))(scope, receive, send)
            return
        response = self._respond(request)
        if fault is not None and fault.kind == "garble":
            response = Response(bytes(response.body)[: len(response.body) // 2], media_type="application/json")
        if fault is not None and fault.kind == "cut":
            await response(scope, receive, _half(send))
            await asyncio.sleep(0.01)
            scope["transport"].abort()
            return
        await response(scope, receive, send)

    def _respond(self, request: Request) -> Response:
        headers: dict[str, str] = {}
        try:
            token = self._authenticate(request)
            headers = self._limit()
            _permit(token, request)
            document = answers.answer(self.account, request)
            body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            if not body.isprintable():  # half characters have no other way to be written
                body = json.dumps(document)
            return Response(body, headers=headers, media_type="application/json")
        except RefusalError as refusal:
            if refusal.status == 401:
                return Response("<html>Unauthorized</html>", 401, media_type="text/html")
            if refusal.status == 429 and not self.tells_limits:
                return Response("", 429)
            error = {
                "message": refusal.message,
                "code": refusal.code,
                **({"errors": refusal.errors} if refusal.errors else {}),
            }
            return JSONResponse({"error": error}, refusal.status, {**headers, **refusal.headers})

    def _authenticate(self, request: Request) -> Token:
        stated = request.headers.get("authorization", "")
        found = re.fullmatch(r"Token token=(.+)|Bearer (.+)", stated)
        token = self.tokens.get((found[1] or found[2]) if found else "")
        if token is None:
            raise RefusalError(401, 2006, "Unauthorized")
        return token

    def _limit(self) -> dict[str, str]:
        if self.rate_limit is None:
            return {}
        now = time.monotonic()
        begun, used = self._window
        if now - begun >= self.rate_seconds:
            begun, used = now, 0
        self._window = begun, used + 1
        left = max(0, self.rate_limit - used - 1)
        reset = max(1, round(begun + self.rate_seconds - now + 0.5))
        headers = {
            "ratelimit-limit": str(self.rate_limit),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(reset),
        }
        if used >= self.rate_limit:
            self.limited += 1
            raise RefusalError(429, 2020, "Rate Limit Exceeded", headers=headers)
        return headers if self.tells_limits else {}


def _permit(token: Token, request: Request) -> None:
    if any(re.fullmatch(pattern, request.url.path) for pattern in token.forbidden):
        raise RefusalError(token.status, 2010, "Access Denied")
    if request.headers.get("accept") != "application/vnd.pagerduty+json;version=2":
        raise RefusalError(406, 2001, "Not Acceptable")


def _half(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def half(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message["body"]
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return half


class _Protocol(HttpToolsProtocol):
    """Lets the application break its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["transport"] = self.transport  # type: ignore[typeddict-unknown-key]


class Server(uvicorn.Server):
    """A server that leaves the signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def pagerduty_on(fake: FakePagerDuty, port: int = 0) -> AsyncIterator[FakePagerDuty]:
    """The fake, serving at its `url`."""
    config = uvicorn.Config(
        fake, port=port, log_config=None, access_log=False, lifespan="off", ws="none", http=_Protocol
    )
    server = Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    fake.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
