"""What the app hears of Slack: commands, clicks and events, signed, over HTTP or a socket."""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2
from aiohttp import web

from tests.fake_slack.conversations import Said
from tests.fake_slack.workspace import ResponseUrl, Workspace

SIGNING_SECRET = "slack-s1gning"
ACK_SECONDS = 3.0


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


class Sender(Workspace):
    """A workspace that sends to its app."""

    url: str
    sockets: list[web.WebSocketResponse]
    acks: asyncio.Queue[dict[str, Any]]

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


def signed(body: bytes, *, secret: str = SIGNING_SECRET, at: float | None = None) -> dict[str, str]:
    """The headers by which the body proves itself."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
