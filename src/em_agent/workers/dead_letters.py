"""Messages that a consumer gave up on: kept in a table and on a subject, each with its error."""

import contextlib

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header

from em_agent.domain.consumers import DEAD_LETTER_PREFIX
from em_agent.errors import PermanentError
from em_agent.events import dead_letters
from em_agent.events.message import decode_message
from em_agent.events.stream import ensure_dead_letter_stream
from em_agent.kit import nats as kit_nats
from em_agent.kit.postgres import Pool

ERROR_LIMIT = 2000

log = structlog.get_logger()


class DeadLetters:
    """Where one consumer's failed messages go."""

    def __init__(self, consumer: str, pool: Pool, client: Client, *, replicas: int) -> None:
        """Keep them in the database first: it is the record."""
        self._consumer = consumer
        self._pool = pool
        self._js = kit_nats.jetstream(client)
        self._replicas = replicas

    async def keep(self, message: Msg, error: Exception, attempts: int) -> None:
        """Keep the message with its error: in the table if it is an event of ours, and on the dead-letter subject.

        One that came again meanwhile, since a large batch takes long, is there once all the same.

        Raises:
            RetriableError, nats.errors.Error: it could not be kept.

        """
        text = f"{type(error).__name__}: {error}"[:ERROR_LIMIT]
        delivery_id = None
        with contextlib.suppress(PermanentError):  # somebody else's message on our subject has no event to point at
            event, _ = decode_message(message.data)
            delivery_id = event.delivery_id
            await dead_letters.keep(self._pool, self._consumer, event, text, attempts)
        await ensure_dead_letter_stream(self._js, replicas=self._replicas)
        place = message.metadata
        headers = {
            "Em-Agent-Error": " ".join(text.encode("ascii", "backslashreplace").decode().split()),
            Header.MSG_ID.value: f"{self._consumer}.{place.sequence.stream}.{place.timestamp.isoformat()}",
        }
        await self._js.publish(f"{DEAD_LETTER_PREFIX}.{self._consumer}", message.data, headers=headers)
        log.error("worker.dead_letter", consumer=self._consumer, delivery_id=delivery_id)
