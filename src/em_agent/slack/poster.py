"""Sends messages, each by the way that is left to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from em_agent.slack.blocks import Block
from em_agent.slack.client import SlackClient
from em_agent.slack.failures import NO_CHANNEL, OF_THE_MESSAGE, SlackAwayError, SlackRefusedError
from em_agent.slack.messages import Message
from em_agent.slack.pace import Pace

MARK = "em_agent_message"
_LOOK_BACK = 100
_AS_WRITTEN = {"unfurl_links": False, "unfurl_media": False}
# Slack takes answers at the address of a request for half an hour.
_LONGEST_URL_SECONDS = 30 * 60

log = structlog.get_logger()


class Poster:
    """Sends what the worker has to say."""

    def __init__(self, client: SlackClient, pace: Pace) -> None:
        """Send through `client`, no faster than `pace` lets."""
        self._client = client
        self._pace = pace

    async def send(self, message: Message, mark: str, *, age_seconds: float, may_be_there: bool) -> None:
        """Return when Slack has the message, which `mark` names.

        `may_be_there` says that an earlier attempt may have arrived: then a message in a channel is looked for first,
        and an answer to a request replaces the one before. `age_seconds` is the age of the request. Where Slack does
        not take the blocks, the text alone is sent.

        Raises:
            SlackAwayError: it cannot be sent now.
            SlackRefusedError: it cannot be sent.

        """
        try:
            await self._send(message, mark, age_seconds=age_seconds, may_be_there=may_be_there)
        except SlackRefusedError as refusal:
            if refusal.code not in OF_THE_MESSAGE or not message.blocks:
                raise
            log.exception("slack.blocks_refused", mark=mark, error=refusal.code)
            await self._send(replace(message, blocks=()), mark, age_seconds=age_seconds, may_be_there=False)

    async def _send(self, message: Message, mark: str, *, age_seconds: float, may_be_there: bool) -> None:
        if may_be_there and not message.is_private and await self._find(message, mark) is not None:
            return
        url = message.response_url
        if url is not None and self._client.may_answer_to(url) and age_seconds < _LONGEST_URL_SECONDS:
            replaces = message.replaces or (may_be_there and message.is_private)
            try:
                await self._client.respond(url, _body(message, mark, replaces=replaces))
            except SlackRefusedError as refusal:
                is_at_fault = refusal.code in OF_THE_MESSAGE
                if is_at_fault or not self._client.has_token or message.channel is None or message.replaces:
                    raise
                log.warning("slack.response_url_refused", error=refusal.code)
            else:
                return
        await self._post(message, mark)

    async def post(self, message: Message, mark: str, *, may_be_there: bool) -> str:
        """The name of the message in its channel; one that is there from an earlier attempt is not sent again.

        Raises:
            SlackAwayError: it cannot be sent now.
            SlackRefusedError: it cannot be sent.

        """
        found = await self._find(message, mark) if may_be_there else None
        return found if found is not None else await self._post(message, mark)

    async def update(self, channel: str, ts: str, text: str, blocks: Sequence[Block]) -> None:
        """Have the message show something else.

        Raises:
            SlackAwayError: it cannot be changed now.
            SlackRefusedError: it cannot be changed.

        """
        await self._pace.wait_to_update(channel)
        await self._client.call("chat.update", channel=channel, ts=ts, text=text, blocks=list(blocks))

    async def _post(self, message: Message, mark: str) -> str:
        if message.channel is None:
            raise SlackRefusedError(NO_CHANNEL)
        given: dict[str, Any] = {
            "channel": message.channel, "text": message.text, "blocks": list(message.blocks),
            "thread_ts": message.thread_ts,
        }  # fmt: skip
        if message.is_private:
            answer = await self._client.call("chat.postEphemeral", user=message.user, **given)
            return str(answer.get("message_ts") or "")
        await self._pace.wait_to_post(message.channel)
        answer = await self._client.call("chat.postMessage", **given, **_marked(mark), **_AS_WRITTEN)
        return str(answer.get("ts") or "")

    async def _find(self, message: Message, mark: str) -> str | None:
        """The name of the message that arrived by an earlier attempt; None where there is none, or we may not look."""
        if message.channel is None or not self._client.has_token:
            return None
        where: dict[str, Any] = {"channel": message.channel, "limit": _LOOK_BACK, "include_all_metadata": True}
        try:
            if message.thread_ts is not None:
                found = await self._client.call("conversations.replies", ts=message.thread_ts, **where)
            else:
                found = await self._client.call("conversations.history", **where)
        except SlackRefusedError:
            return None
        except SlackAwayError as error:
            error.may_have_arrived = True
            raise
        messages = [said for said in found.get("messages") or () if isinstance(said, dict)]
        ts = next((str(said.get("ts")) for said in messages if _mark_of(said) == mark), None)
        if ts is not None:
            log.info("slack.was_there", mark=mark)
        return ts


def _body(message: Message, mark: str, *, replaces: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks), "replace_original": replaces}
    if message.is_private:
        body["response_type"] = "ephemeral"
    elif not message.replaces:
        body |= {"response_type": "in_channel", **_marked(mark)}
    if message.thread_ts is not None:
        body["thread_ts"] = message.thread_ts
    return {**body, **_AS_WRITTEN}


def _marked(mark: str) -> dict[str, Any]:
    return {"metadata": {"event_type": MARK, "event_payload": {"mark": mark}}}


def _mark_of(said: dict[str, Any]) -> object:
    metadata = said.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return payload.get("mark") if isinstance(payload, dict) else None
