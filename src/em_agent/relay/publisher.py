"""Publishes batches of messages to JetStream, and gathers what it confirms.

The client's own `publish_async` makes a future, a random name, a timer and a record for each message, which takes
longer than sending it. Here a batch has one event to wait for, and an answer's subject says which message it is for.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header


@dataclass(frozen=True, slots=True)
class Message:
    """What is published; `message_id` is the name by which JetStream knows a repetition."""

    key: int
    subject: str
    message_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """The stream sequence of each message that was confirmed, by its key; why one was refused, if any was."""

    sequences: dict[int, int]
    refusal: str | None


class Publisher:
    """Publishes one batch at a time through one client."""

    def __init__(self, client: Client) -> None:
        """Publish through the client, whose inbox is subscribed to at the first batch."""
        self._client = client
        self._inbox: str | None = None
        self._batch = 0
        self._awaited = 0
        self._all_sent = False
        self._sequences: dict[int, int] = {}
        self._refusal: str | None = None
        self._answered = asyncio.Event()

    async def publish(self, messages: Iterable[Message], *, seconds: float) -> Outcome:
        """What JetStream answered until all are answered, or the seconds are over.

        Raises:
            nats.errors.Error: the client is not connected, or loses its connection meanwhile.

        """
        if self._inbox is None:
            inbox = self._client.new_inbox()
            await self._client.subscribe(f"{inbox}.*", cb=self._receive)
            self._inbox = inbox
        # A late answer to an earlier batch may be of a stream that is no longer: it counts for none.
        self._batch += 1
        self._awaited, self._all_sent = 0, False
        self._sequences, self._refusal = {}, None
        self._answered.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for message in messages:
                    self._awaited += 1
                    await self._client.publish(
                        message.subject,
                        message.data,
                        reply=f"{self._inbox}.{self._batch}-{message.key}",
                        headers={Header.MSG_ID.value: message.message_id},
                    )
                self._all_sent = True
                if self._awaited:
                    await self._answered.wait()
        return Outcome(self._sequences, self._refusal)

    async def _receive(self, answer: Msg) -> None:
        """Take one answer; where no stream listens it is empty.

        {"stream": "EVENTS", "seq": 7}, {"error": {"code": 503, "description": "..."}, "stream": "EVENTS", "seq": 0}
        """
        batch, _, key = answer.subject.rpartition(".")[2].partition("-")
        if int(batch) != self._batch:
            return
        content = orjson.loads(answer.data or b"{}")
        if "error" in content:
            self._refusal = str(content["error"].get("description"))
        elif "seq" in content:
            self._sequences[int(key)] = content["seq"]
        else:
            self._refusal = "no stream takes them"
        self._awaited -= 1
        if self._all_sent and not self._awaited:
            self._answered.set()
