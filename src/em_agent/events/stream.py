"""The JetStream streams that events and dead letters go to."""

from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StreamConfig

from em_agent.domain.consumers import DEAD_LETTER_PREFIX, DEAD_LETTER_STREAM, STREAM, SUBJECT_PREFIX
from em_agent.kit.nats import StreamState, ensure_stream

DAY_SECONDS = 24 * 60 * 60
# Postgres is the record; the stream only has to outlast a long stop of its consumers.
RETENTION_SECONDS = 7 * DAY_SECONDS
DUPLICATE_WINDOW_SECONDS = 120


async def ensure_event_stream(js: JetStreamContext, *, replicas: int) -> StreamState:
    """The state of the stream with every event, which is made where it is missing."""
    return await ensure_stream(js, _config(STREAM, SUBJECT_PREFIX, replicas))


async def ensure_dead_letter_stream(js: JetStreamContext, *, replicas: int) -> StreamState:
    """The state of the stream with dead letters, which is made where it is missing."""
    return await ensure_stream(js, _config(DEAD_LETTER_STREAM, DEAD_LETTER_PREFIX, replicas))


def _config(name: str, prefix: str, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=[f"{prefix}.>"],
        retention=RetentionPolicy.LIMITS,
        max_age=RETENTION_SECONDS,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
        allow_direct=True,
    )
