"""What happens in the workspace when the app calls a method of the Web API."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fake_slack.conversations import Conversations, Said
from tests.fake_slack.limits import problems_of

SCOPES = "commands,chat:write,chat:write.public,app_mentions:read,im:history,im:read,im:write,channels:history"


@dataclass
class ResponseUrl:
    """An address that came with a request."""

    channel: str
    user: str
    source: Said | None
    uses: int = 0
    said: list[Said] = field(default_factory=list)
    expires_at: float = field(default_factory=lambda: time.monotonic() + 1800)


class Workspace:
    """Channels and what is said in them; `per_second` is how many messages a channel takes, after `burst` at once."""

    def __init__(self, *, per_second: float | None = None, burst: int = 5) -> None:
        self.conversations = Conversations()
        self.problems: list[str] = []
        self.archived: set[str] = set()
        self.response_urls: dict[str, ResponseUrl] = {}
        self.scopes = SCOPES
        self.limited = 0
        self._per_second, self._burst = per_second, burst
        self._room: dict[str, tuple[float, float]] = {}
        self._numbers = itertools.count(1)

    def do(self, method: str, body: dict[str, Any]) -> web.Response:
        done = getattr(self, f"_{method.replace('.', '_')}", None)
        if done is None:
            return answer(ok=False, error="unknown_method")
        answered: web.Response = done(body)
        answered.headers["x-oauth-scopes"] = self.scopes
        return answered

    def _auth_test(self, _: dict[str, Any]) -> web.Response:
        return answer(
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
            return answer(ok=False, error="invalid_blocks")
        if channel in self.archived:
            return answer(ok=False, error="is_archived")
        if not channel.startswith(("C", "D", "G")):
            return answer(ok=False, error="channel_not_found")
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
        return answer(ok=True, channel=said.channel, ts=said.ts, message=said.message)

    def _chat_postEphemeral(self, body: dict[str, Any]) -> web.Response:  # noqa: N802
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        said = self.conversations.add(body["channel"], body, visible_to=body["user"])
        return answer(ok=True, message_ts=said.ts)

    def _chat_update(self, body: dict[str, Any]) -> web.Response:
        refusal = self._refusal(body)
        if refusal is not None:
            return refusal
        said = self.conversations.find(body["channel"], body["ts"])
        if said is None or said.visible_to is not None:
            return answer(ok=False, error="message_not_found")
        said.change(body.get("text") or "", body.get("blocks") or [])
        return answer(ok=True, channel=said.channel, ts=said.ts)

    def _conversations_open(self, body: dict[str, Any]) -> web.Response:
        return answer(ok=True, channel={"id": f"D{body['users']}"})

    def _conversations_history(self, body: dict[str, Any]) -> web.Response:
        return self._listed(self.conversations.public(body["channel"]))

    def _conversations_replies(self, body: dict[str, Any]) -> web.Response:
        return self._listed(self.conversations.public(body["channel"], body["ts"]))

    def _listed(self, said: list[Said]) -> web.Response:
        messages = [{"ts": one.ts, "text": one.text, "metadata": one.metadata} for one in reversed(said)]
        return answer(ok=True, messages=messages, has_more=False)

    def _views_open(self, _: dict[str, Any]) -> web.Response:
        return answer(ok=True, view={"id": "VVIEW"})

    def say_at(self, place: ResponseUrl, body: dict[str, Any]) -> None:
        original = place.source or (place.said[-1] if place.said else None)
        if body.get("replace_original") and original is not None:
            original.change(body.get("text") or "", body.get("blocks") or [])
            return
        is_public = body.get("response_type") == "in_channel"
        place.said.append(self.conversations.add(place.channel, body, visible_to=None if is_public else place.user))


def answer(**fields: Any) -> web.Response:
    """What a method answers."""
    return web.json_response(fields)
