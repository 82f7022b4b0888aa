"""`/em-agent`: the sub-commands."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from em_agent.errors import InvalidError, NotFoundError
from em_agent.slack import text
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.answers.ask import ask_answer
from em_agent.slack.answers.help import help_answer, unknown_answer
from em_agent.slack.answers.incident import incident_answer
from em_agent.slack.answers.incidents import incidents_answer
from em_agent.slack.answers.mttr import mttr_answer
from em_agent.slack.answers.similar import similar_answer
from em_agent.slack.answers.sources import Sources
from em_agent.slack.listeners.outcome import JOB, OUTCOME, Outcome
from em_agent.slack.messages import Message

_ANSWERS: dict[str, Callable[[Sources, str], Awaitable[Answer]]] = {
    "ask": ask_answer,
    "incidents": incidents_answer,
    "incident": incident_answer,
    "mttr": mttr_answer,
    "similar": similar_answer,
}
_LONGEST_NAME = 60


def register(app: AsyncApp, sources: Sources) -> None:
    """Have slash commands answered; by what name they are called, the installation decides."""

    @app.command(re.compile("^/"))
    async def on_command(ack: AsyncAck, context: AsyncBoltContext, command: dict[str, Any]) -> None:
        await ack()  # Slack has had it long since: this tells the framework that the request is taken care of
        context[OUTCOME] = await answer_command(sources, context[JOB].id, command)


async def answer_command(sources: Sources, job_id: int, command: Mapping[str, Any]) -> Outcome:
    """The answer to a command, for whoever gave it alone."""
    name = text.line(str(command.get("command") or "/em-agent"), _LONGEST_NAME)
    said = text.unescaped(str(command.get("text") or "")).replace("\x00", " ").strip()
    answer = await _answer(sources, name, said)
    message = Message(
        **answer.message(job_id),
        response_url=command.get("response_url"),
        channel=command.get("channel_id"),
        user=command.get("user_id"),
        is_private=True,
    )
    return Outcome((message,), answer)


async def _answer(sources: Sources, name: str, said: str) -> Answer:
    word, _, rest = said.partition(" ")
    if not word or word.lower() == "help":
        return help_answer(name)
    answer = _ANSWERS.get(word.lower())
    if answer is None:
        return unknown_answer(name, said)
    try:
        return await answer(sources, rest.strip())
    except (InvalidError, NotFoundError) as error:
        return plain_answer(str(error))
