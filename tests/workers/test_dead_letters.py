"""What a consumer gives up on."""

from nats.aio.client import Client

from em_agent.domain.consumers import DEAD_LETTER_STREAM, STREAM
from em_agent.errors import PermanentError
from em_agent.events.stream import ensure_event_stream
from em_agent.kit.postgres import Pool
from em_agent.workers.dead_letters import DeadLetters


async def test_a_message_is_set_aside_once(nats_client: Client, pool: Pool) -> None:
    """A message that comes again before it is taken off is one dead letter; the same text sent once more is another."""
    js = nats_client.jetstream()
    await ensure_event_stream(js, replicas=1)
    letters = DeadLetters("test", pool, nats_client, replicas=1)
    for _ in range(2):
        await js.publish("events.pagerduty", b"garbage")
    subscription = await js.pull_subscribe("events.>", durable="test", stream=STREAM)
    messages = await subscription.fetch(2, timeout=5)
    for message in messages:
        await message.nak()
    for message in [*messages, *await subscription.fetch(2, timeout=5)]:
        await letters.keep(message, PermanentError("no event"), message.metadata.num_delivered)
    assert (await js.stream_info(DEAD_LETTER_STREAM)).state.messages == 2
