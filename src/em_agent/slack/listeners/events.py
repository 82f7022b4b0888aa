"""Mentions, and messages that are written to the app itself: questions, each answered in its thread."""

import re
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from em_agent.errors import InvalidError, NotFoundError
from em_agent.slack import kept, text
from em_agent.slack.answers.answer import plain_answer
from em_agent.slack.answers.ask import ask_answer
from em_agent.slack.answers.followups import is_follow_up
from em_agent.slack.answers.help import help_answer
from em_agent.slack.answers.sources import Sources
from em_agent.slack.listeners.outcome import JOB, OUTCOME, Outcome
from em_agent.slack.messages import Message

_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
_NAMED = re.compile(r"<[#!@]?[^|>]*\|([^>]*)>")
_BARE = re.compile(r"<[#!@]?([^>]*)>")


def register(app: AsyncApp, sources: Sources) -> None:
    """Have questions answered."""

    @app.event("app_mention")
    async def on_mention(context: AsyncBoltContext, event: dict[str, Any]) -> None:
        context[OUTCOME] = await _answer(sources, context[JOB].id, event)

    @app.event("message")
    async def on_message(context: AsyncBoltContext, event: dict[str, Any]) -> None:
        is_ours = event.get("channel_type") == "im"
        context[OUTCOME] = await _answer(sources, context[JOB].id, event) if is_ours else Outcome()


async def _answer(sources: Sources, job_id: int, event: dict[str, Any]) -> Outcome:
    """The answer to a person's question; what a program wrote, or what tells of a change, is none."""
    if event.get("bot_id") or event.get("subtype") or not event.get("user") or not event.get("channel"):
        return Outcome()
    question = question_in(str(event.get("text") or ""))
    channel, thread_ts = str(event["channel"]), str(event.get("thread_ts") or event.get("ts") or "") or None
    context = None
    if not question or question.lower().strip("?!. ") == "help":
        answer, question = help_answer("/em-agent"), ""
    else:
        context = await kept.question_before(sources.pool, channel, thread_ts, job_id) if thread_ts else None
        try:
            answer = await ask_answer(sources, question, context=context)
        except (InvalidError, NotFoundError) as error:
            answer = plain_answer(str(error))
    answer = answer.for_everybody()
    message = Message(**answer.message(job_id), channel=channel, thread_ts=thread_ts)
    topic = context if context is not None and is_follow_up(question) else question
    return Outcome((message,), answer, topic or None, channel, thread_ts)


def question_in(said: str) -> str:
    """What a message asks, without who is mentioned and without Slack's way of writing names and links."""
    said = _BARE.sub(r"\1", _NAMED.sub(r"\1", _MENTION.sub(" ", said)))
    return " ".join(text.unescaped(said).replace("\x00", " ").split())
