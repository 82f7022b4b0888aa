"""The fake's HTTP server: Web API, response URLs, Socket Mode; and what it sends to the app."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

import httpx2
from aiohttp import WSMsgType, web

from tests.fake_slack.conversations import Conversations, Said
from tests.fake_slack.limits import problems_of

SIGNING_SECRET = "slack-s1gning"
BOT_TOKEN = "xoxb-fake"
APP_TOKEN = "xapp-fake"
ACK_SECONDS = 3.0
SCOPES = "commands,chat:write,chat:write.public,app_mentions:read,im:history,im:read,im:write,channels:history"


@dataclass(frozen=True)
class Ack:
    """The app's acknowledgement."""

    status: int
    body: bytes
    seconds: float

    @property
    def is_timely(self) -> bool:
        """Whether Slack would take it."""
        return self.status == 200 and self.seconds < ACK_SECONDS


@dataclass
class Rule:
    """What a method answers instead of doing its work, so many times."""

    error: str | None = None
    status: int = 200
    retry_after: float | None = None
    times: int = 1_000_000
    lets_through: bool = False  # the work is done all the same: only the answer is lost
    when: Callable[[dict[str, Any]], bool] = lambda _: True


@dataclass
class ResponseUrl:
    """An address that came with a request."""

    channel: str
    user: str
    source: Said | None
    uses: int = 0
    said: list[Said] = field(default_factory=list)
    expires_at: float = field(default_factory=lambda: time.monotonic() + 1800)


class FakeSlack:
    """One workspace with one app in it."""

    def __init__(self, *, per_second: float | None = None, burst: int = 5) -> None:
        """Serve; `per_second` is how many messages a channel takes, after `burst` at once."""
        self.conversations = Conversations()
        self.rules: dict[str, list[Rule]] = {}
        self.calls: list[tuple[str, dict[str, Any], float]] = []
        self.problems: list[str] = []
        self.archived: set[str] = set()
        self.response_urls: dict[str, ResponseUrl] = {}
        self.token = BOT_TOKEN
        self.scopes = SCOPES
        self.limited = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.acks: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.url = ""
        self._per_second, self._burst = per_second, burst
        self._room: dict[str, tuple[float, float]] = {}
        self._numbers = itertools.count(1)
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

    # What the app hears of us.

    def new_response_url(self, channel: str, user: str = "UASKER", source: Said | None = None) -> str:
        """An address for answers to one request."""
        name = f"r{next(self._numbers)}"
        self.response_urls[name] = ResponseUrl(channel, user, source)
        return self.url.replace("/api/", f"/response/{name}")

    def command_fields(self, text: str, *, user: str = "UASKER", channel: str = "CGENERAL") -> dict[str, str]:
        """The form of a slash command."""
        return {
            "token": "legacy", "team_id": "TTEAM", "team_domain": "acme", "channel_id": channel,
            "channel_name": "general", "user_id": user, "user_name": "ada", "command": "/em-agent", "text": text,
            "api_app_id": "AAPP", "is_enterprise_install": "false",
            "response_url": self.new_response_url(channel, user), "trigger_id": f"{next(self._numbers)}.trigger",
        }  # fmt: skip

    async def command(self, app_url: str, text: str, **where: str) -> Ack:
        """Somebody's slash command."""
        return await self.send(app_url, "/slack/commands", urlencode(self.command_fields(text, **where)).encode())

    def click_payload(self, said: Said, label: str, *, user: str = "UASKER") -> dict[str, Any]:
        """The payload of a click on the message's button."""
        button = said.button(label)
        assert button is not None, f"there is no button {label}: {said.blocks}"
        is_ephemeral = said.visible_to is not None
        return {
            "type": "block_actions", "team": {"id": "TTEAM"}, "api_app_id": "AAPP", "token": "legacy",
            "user": {"id": user, "username": "ada", "name": "ada", "team_id": "TTEAM"},
            "container": {
                "type": "message", "message_ts": said.ts, "channel_id": said.channel, "is_ephemeral": is_ephemeral,
            },
            "channel": {"id": said.channel, "name": "general"},
            "trigger_id": f"{next(self._numbers)}.trigger",
            "response_url": self.new_response_url(said.channel, user, said),
            "actions": [{**button, "block_id": "b1", "action_ts": "1.1"}],
        }  # fmt: skip

    async def click(self, app_url: str, said: Said, label: str, *, user: str = "UASKER") -> Ack:
        """Somebody's click."""
        body = urlencode({"payload": json.dumps(self.click_payload(said, label, user=user))}).encode()
        return await self.send(app_url, "/slack/interactions", body)

    def event_payload(self, **event: Any) -> dict[str, Any]:
        """The envelope of an event."""
        return {
            "token": "legacy", "team_id": "TTEAM", "api_app_id": "AAPP", "type": "event_callback",
            "event_id": f"Ev{next(self._numbers):08d}", "event_time": int(time.time()),
            "authorizations": [{"team_id": "TTEAM", "user_id": "UBOT", "is_bot": True}],
            "event": {"user": "UASKER", "ts": f"{int(time.time())}.{next(self._numbers):06d}", **event},
        }  # fmt: skip

    async def event(self, app_url: str, payload: dict[str, Any], *, times: int = 3) -> list[Ack]:
        """An event, again and again until it is acknowledged in time."""
        acks: list[Ack] = []
        for number in range(times):
            headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"} if number else {}
            body = json.dumps(payload).encode()
            acks.append(await self.send(app_url, "/slack/events", body, "application/json", **headers))
            if acks[-1].is_timely:
                break
        return acks

    async def send(
        self, app_url: str, path: str, body: bytes, media: str = "application/x-www-form-urlencoded", **headers: str
    ) -> Ack:
        """Post the body, signed, and take the time of the answer."""
        started = time.monotonic()
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.post(
                f"{app_url}{path}", content=body, headers={**signed(body), "Content-Type": media, **headers}
            )
        return Ack(answer.status_code, answer.content, time.monotonic() - started)

    async def send_by_socket(self, kind: str, payload: dict[str, Any], seconds: float = ACK_SECONDS) -> bool:
        """Whether the app acknowledges the envelope in time."""
        envelope = f"envelope-{next(self._numbers)}"
        await self.sockets[-1].send_json(
            {"envelope_id": envelope, "type": kind, "accepts_response_payload": True, "payload": payload}
        )
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if (await self.acks.get()).get("envelope_id") == envelope:
                        return True
        except TimeoutError:
            return False

    # What the app calls.

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
                return _answer(ok=False, error="invalid_auth")
            return _answer(ok=True, url=self.url.replace("http", "ws", 1).replace("/api/", "/socket"))
        if token != self.token:
            return _answer(ok=False, error="invalid_auth" if token else "not_authed")
        return self._do(method, body)

    async def _by_rule(self, method: str, body: dict[str, Any]) -> web.Response | None:
        for rule in self.rules.get(method, []):
            if rule.times > 0 and rule.when(body):
                rule.times -= 1
                if rule.lets_through:
                    self._do(method, body)
                headers = {"Retry-After": f"{rule.retry_after:g}"} if rule.retry_after is not None else {}
                return web.json_response(
                    {"ok": False, "error": rule.error or "error"}, status=rule.status, headers=headers
                )
        return None

    def _do(self, method: str, body: dict[str, Any]) -> web.Response:
        done = getattr(self, f"_{method.replace('.', '_')}", None)
        if done is None:
            return _answer(ok=False, error="unknown_method")
        answer: web.Response = done(body)
        answer.headers["x-oauth-scopes"] = self.scopes
        return answer

    def _auth_test(self, _: dict[str, Any]) -> web.Response:
        return _answer(
            ok=True,
            url="https://acme.slack.com/",
            team="acme",
            user="em-agent",
            team_id="TTEAM",
            user_id="UBOT",
            bot_id="BBOT",
        )

    def _refusal(self, body: dict[str, Any]) -> web.Response | None:
        channel = body.get("channel") or ""
        problems = problems_of(body)
        if problems:
            self.problems += problems
            return _answer(ok=False, error="invalid_blocks")
        if channel in self.archived:
            return _answer(ok=False, error="is_archived")
        if not channel.startswith(("C", "D", "G")):
            return _answer(ok=False, error="channel_not_found")
        if not self._takes(channel):
            self.limited += 1
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})
        return None

    def _takes(self, channel: str) -> bool:
        """Whether the channel takes one message more now."""
        if self._per_second is None:
            return True
        now = time.monotonic()
        room, at = self._room.get(channel, (float(self._burst), now))
        room = min(self._burst, room + (now - at) * self._per_second)
        self._room[channel] = (room - 1, now) if room >= 1 else (room, now)
        return room >= 1

    def _chat_postMessage(self, body: dict[str, Any]) -> web.Response:  # noqa: N802 - Slack's name
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        said = self.conversations.add(body["channel"], body)
        return _answer(ok=True, channel=said.channel, ts=said.ts, message=said.message)

    def _chat_postEphemeral(self, body: dict[str, Any]) -> web.Response:  # noqa: N802
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        said = self.conversations.add(body["channel"], body, visible_to=body["user"])
        return _answer(ok=True, message_ts=said.ts)

    def _chat_update(self, body: dict[str, Any]) -> web.Response:
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        said = self.conversations.find(body["channel"], body["ts"])
        if said is None or said.visible_to is not None:
            return _answer(ok=False, error="message_not_found")
        said.change(body.get("text") or "", body.get("blocks") or [])
        return _answer(ok=True, channel=said.channel, ts=said.ts)

    def _conversations_open(self, body: dict[str, Any]) -> web.Response:
        return _answer(ok=True, channel={"id": f"D{body['users']}"})

    def _conversations_history(self, body: dict[str, Any]) -> web.Response:
        return self._listed(self.conversations.public(body["channel"]))

    def _conversations_replies(self, body: dict[str, Any]) -> web.Response:
        return self._listed(self.conversations.public(body["channel"], body["ts"]))

    def _listed(self, said: list[Said]) -> web.Response:
        messages = [{"ts": one.ts, "text": one.text, "metadata": one.metadata} for one in reversed(said)]
        return _answer(ok=True, messages=messages, has_more=False)

    def _views_open(self, _: dict[str, Any]) -> web.Response:
        return _answer(ok=True, view={"id": "VVIEW"})

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
        self._say(place, body)
        return web.Response(text="ok")

    def _say(self, place: ResponseUrl, body: dict[str, Any]) -> None:
        original = place.source or (place.said[-1] if place.said else None)
        if body.get("replace_original") and original is not None:
            original.change(body.get("text") or "", body.get("blocks") or [])
            return
        is_public = body.get("response_type") == "in_channel"
        place.said.append(self.conversations.add(place.channel, body, visible_to=None if is_public else place.user))

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "AAPP"}})
        self.sockets.append(socket)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self.acks.put(json.loads(message.data))
        return socket


def signed(body: bytes, *, secret: str = SIGNING_SECRET, at: float | None = None) -> dict[str, str]:
    """The headers by which the body proves itself."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


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


def _answer(**fields: Any) -> web.Response:
    return web.json_response(fields)
