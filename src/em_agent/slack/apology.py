"""Words for whoever waits for an answer that cannot be had."""

from em_agent.slack.answers.answer import plain_answer
from em_agent.slack.jobs import Job
from em_agent.slack.listeners.outcome import Outcome
from em_agent.slack.messages import Message

_SORRY = "Something went wrong while I looked for an answer. The log of EM Agent has the details."


def sorry(job: Job) -> Outcome:
    """The message that says so, by the way that the job's answer would have gone."""
    payload = job.payload
    event = payload.get("event") or {}
    message = Message(
        **plain_answer(_SORRY).message(job.id),
        response_url=payload.get("response_url"),
        channel=payload.get("channel_id") or (payload.get("channel") or {}).get("id") or event.get("channel"),
        user=payload.get("user_id") or (payload.get("user") or {}).get("id") or event.get("user"),
        thread_ts=event.get("thread_ts") or event.get("ts"),
        is_private=job.kind != "event",
    )
    return Outcome((message,) if message.response_url or message.channel else ())
