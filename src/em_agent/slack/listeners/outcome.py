"""What a listener leaves behind: messages to send, and the answer to keep."""

from collections.abc import Sequence
from dataclasses import dataclass

from em_agent.slack.answers.answer import Answer
from em_agent.slack.messages import Message

# Where a listener finds its job and leaves what came of it.
JOB, OUTCOME = "em_agent_job", "em_agent_outcome"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Messages in their order; an answer is kept under its job, with the conversation that it belongs to."""

    messages: Sequence[Message] = ()
    answer: Answer | None = None
    question: str | None = None
    channel: str | None = None
    thread_ts: str | None = None
