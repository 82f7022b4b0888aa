"""Clicks on an answer's buttons."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from em_agent.slack import kept
from em_agent.slack.answers.answer import SHARE, SHOW_MORE, plain_answer
from em_agent.slack.answers.sources import Sources
from em_agent.slack.listeners.outcome import JOB, OUTCOME, Outcome
from em_agent.slack.messages import Message

_MOST_PAGES = 50


def register(app: AsyncApp, sources: Sources) -> None:
    """Have clicks answered."""

    @app.action(SHARE)
    async def on_share(ack: AsyncAck, context: AsyncBoltContext, body: dict[str, Any], action: dict[str, Any]) -> None:
        await ack()
        context[OUTCOME] = await _share(sources, context[JOB].id, body, action)

    @app.action(SHOW_MORE)
    async def on_show_more(
        ack: AsyncAck, context: AsyncBoltContext, body: dict[str, Any], action: dict[str, Any]
    ) -> None:
        await ack()
        context[OUTCOME] = await _show_more(sources, body, action)


async def _share(sources: Sources, job_id: int, body: dict[str, Any], action: dict[str, Any]) -> Outcome:
    """The answer for everybody, unless it was shared before; the one that was clicked on says so from now on."""
    answer_id, page_count = _place(action)
    where = _where(body)
    answer = await kept.find(sources.pool, answer_id)
    if answer is None:
        return Outcome((_gone(where),))
    after = Message(**answer.message(answer_id, page_count, is_shared=True), **where, is_private=True, replaces=True)
    if not answer.can_share or not await kept.claim_sharing(sources.pool, answer_id, job_id):
        return Outcome((after,))
    user = body.get("user") or {}
    user_id = str(user.get("id") or "")
    name = str(user.get("name") or user.get("username") or user_id)
    everybody = Message(**answer.shared(page_count, user_id, name), **where)
    return Outcome((everybody, after))


async def _show_more(sources: Sources, body: dict[str, Any], action: dict[str, Any]) -> Outcome:
    """The answer with one page more, in the place of the one that was clicked on."""
    answer_id, page_count = _place(action)
    where = _where(body)
    answer = await kept.find(sources.pool, answer_id)
    if answer is None:
        return Outcome((_gone(where),))
    is_private = bool((body.get("container") or {}).get("is_ephemeral", True))
    message = answer.message(answer_id, page_count + 1, is_shared=await kept.is_shared(sources.pool, answer_id))
    return Outcome((Message(**message, **where, is_private=is_private, replaces=True),))


def _gone(where: dict[str, Any]) -> Message:
    sentence = "This answer is too old: please ask again."
    return Message(**plain_answer(sentence).message(0), **where, is_private=True)


def _place(action: dict[str, Any]) -> tuple[int, int]:
    """Which answer a button belongs to, and how many of its pages stand above it."""
    answer_id, _, page_count = str(action.get("value") or "").partition(":")
    try:
        return int(answer_id[:18]), min(max(int(page_count[:4]), 1), _MOST_PAGES)
    except ValueError:
        return 0, 1


def _where(body: dict[str, Any]) -> dict[str, Any]:
    container = body.get("container") or {}
    return {
        "response_url": body.get("response_url"),
        "channel": (body.get("channel") or {}).get("id") or container.get("channel_id"),
        "user": (body.get("user") or {}).get("id"),
        "thread_ts": container.get("thread_ts"),
    }
