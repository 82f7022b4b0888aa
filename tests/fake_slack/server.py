"""The fake's HTTP server: Web API, response URLs, Socket Mode."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.fake_slack.limits import problems_of
from tests.fake_slack.sender import SIGNING_SECRET, Ack, Sender, signed
from tests.fake_slack.workspace import SCOPES, answer

__all__ = ["APP_TOKEN", "BOT_TOKEN", "SCOPES", "SIGNING_SECRET", "Ack", "FakeSlack", "Rule", "fake_slack", "signed"]

BOT_TOKEN = "xoxb-fake"
APP_TOKEN = "xapp-fake"


@dataclass
class Rule:
    """What a method answers instead of doing its work, so many times."""

    error: str | None = None
    status: int = 200
    retry_after: float | None = None
    times: int = 1_000_000
    lets_through: bool = False  # the work is done all the same: only the answer is lost
    when: Callable[[dict[str, Any]], bool] = lambda _: True


class FakeSlack(Sender):
    """One workspace with one app in it."""

    def __init__(self, *, per_second: float | None = None, burst: int = 5) -> None:
        """Serve; `per_second` is how many messages a channel takes, after `burst` at once."""
        super().__init__(per_second=per_second, burst=burst)
        self.rules: dict[str, list[Rule]] = {}
        self.calls: list[tuple[str, dict[str, Any], float]] = []
        self.token = BOT_TOKEN
        self.sockets = []
        self.acks = asyncio.Queue()
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        """Serve."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Be away."""
        await self.stop()

    async def start(self) -> None:
        """Serve, at the address of before if there was one."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/api/{method}", self._method)
        app.router.add_post("/response/{name}", self._respond)
        app.router.add_get("/socket", self._socket)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/api/"

    async def stop(self) -> None:
        """Be away."""
        for socket in self.sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, str]:
        """What the app is to be told."""
        return {
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_API_URL": self.url,
        }

    def rule(self, method: str, rule: Rule) -> None:
        """Have the method answer by the rule; `response_url` is a method here too."""
        self.rules.setdefault(method, []).append(rule)

    async def _method(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        body = await _body_of(request)
        self.calls.append((method, body, time.monotonic()))
        ruled = await self._by_rule(method, body)
        if ruled is not None:
            return ruled
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if method == "apps.connections.open":
            if token != APP_TOKEN:
                return answer(ok=False, error="invalid_auth")
            return answer(ok=True, url=self.url.replace("http", "ws", 1).replace("/api/", "/socket"))
        if token != self.token:
            return answer(ok=False, error="invalid_auth" if token else "not_authed")
        return self.do(method, body)

    async def _by_rule(self, method: str, body: dict[str, Any]) -> web.Response | None:
        for rule in self.rules.get(method, []):
            if rule.times > 0 and rule.when(body):
                rule.times -= 1
                if rule.lets_through:
                    self.do(method, body)
                headers = {"Retry-After": f"{rule.retry_after:g}"} if rule.retry_after is not None else {}
                return web.json_response(
                    {"ok": False, "error": rule.error or "error"}, status=rule.status, headers=headers
                )
        return None

    async def _respond(self, request: web.Request) -> web.Response:
        body = await _body_of(request)
        self.calls.append(("response_url", body, time.monotonic()))
        ruled = await self._by_rule("response_url", body)
        if ruled is not None:
            return ruled
        place = self.response_urls.get(request.match_info["name"])
        if place is None or time.monotonic() > place.expires_at:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        place.uses += 1
        if place.uses > 5:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        problems = problems_of(body)
        if problems:
            self.problems += problems
            return web.json_response({"ok": False, "error": "invalid_blocks"}, status=400)
        self.say_at(place, body)
        return web.Response(text="ok")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "AAPP"}})
        self.sockets.append(socket)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self.acks.put(json.loads(message.data))
        return socket


@asynccontextmanager
async def fake_slack(**limits: Any) -> AsyncIterator[FakeSlack]:
    """A workspace, closed on exit."""
    async with FakeSlack(**limits) as slack:
        yield slack


async def _body_of(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        body: dict[str, Any] = await request.json()
        return body
    return dict(await request.post())
