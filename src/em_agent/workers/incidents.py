"""The consumer that keeps the live state of incidents."""

from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg

from em_agent.domain.consumers import INCIDENTS, SUBJECT_PREFIX
from em_agent.domain.incidents import IncidentEvent
from em_agent.events import dead_letters
from em_agent.events.message import decode_message, read_document
from em_agent.incidents import store
from em_agent.integrations.registry import INCIDENT_READERS, RECORDED_SOURCES
from em_agent.kit.postgres import Pool, reachable
from em_agent.workers.consume import Consumer
from em_agent.workers.dead_letters import DeadLetters

BATCH_SIZE = 200

# The subjects of what never tells of an incident, such as long pushes. They are consumed all the same, unread: the
# outbox lets go what lies before the last message that every consumer has passed, whatever its subject.
_SILENT = frozenset(f"{SUBJECT_PREFIX}.{name}" for name in RECORDED_SOURCES if name not in INCIDENT_READERS)


def incidents_consumer(pool: Pool, client: Client, *, replicas: int) -> Consumer:
    """The consumer that folds each incident anew when an event of it arrives."""

    async def handle(messages: Sequence[Msg]) -> None:
        decoded = [decode_message(message.data) for message in messages if message.subject not in _SILENT]
        found: list[IncidentEvent] = []
        for event, document in decoded:
            read = INCIDENT_READERS.get(event.source)
            if read is not None:
                incident_event = read(event, document if document is not None else await read_document(pool, event.id))
                if incident_event is not None:
                    found.append(incident_event)
        async with reachable(), pool.acquire() as connection:
            await store.apply(connection, found)
        await dead_letters.resolve(pool, INCIDENTS, [event.id for event, _ in decoded])

    return Consumer(
        name=INCIDENTS,
        handle=handle,
        batch_size=BATCH_SIZE,
        dead_letters=DeadLetters(INCIDENTS, pool, client, replicas=replicas),
    )
