"""Batches of messages, published to a real JetStream."""

from nats.aio.client import Client

from em_agent.events.stream import ensure_event_stream
from em_agent.kit.nats import jetstream
from em_agent.relay.publisher import Message, Outcome, Publisher


def _messages(*keys: int, subject: str = "events.test") -> list[Message]:
    return [Message(key, subject, f"test:{key}", b"{}") for key in keys]


async def test_each_message_has_its_place(nats_client: Client) -> None:
    """The answer to each message is found, a repetition has the place of the first, and an empty batch none."""
    await ensure_event_stream(jetstream(nats_client), replicas=1)
    publisher = Publisher(nats_client)
    assert await publisher.publish(_messages(7, 8, 9), seconds=5) == Outcome({7: 1, 8: 2, 9: 3}, None)
    assert await publisher.publish(_messages(10, 8), seconds=5) == Outcome({10: 4, 8: 2}, None)
    assert await publisher.publish([], seconds=5) == Outcome({}, None)


async def test_a_refusal_says_why(nats_client: Client) -> None:
    """Without a stream, or from one that is sealed, there is an answer without a place, and it is not waited for."""
    publisher = Publisher(nats_client)
    assert await publisher.publish(_messages(1, 2), seconds=60) == Outcome({}, "no stream takes them")
    js = jetstream(nats_client)
    await ensure_event_stream(js, replicas=1)
    config = (await js.stream_info("EVENTS")).config
    config.sealed = True
    await js.update_stream(config)
    outcome = await publisher.publish(_messages(1, 2), seconds=60)
    assert outcome.sequences == {}
    assert "sealed" in (outcome.refusal or "")


async def test_a_late_answer_counts_for_no_later_batch(nats_client: Client) -> None:
    """What was not answered in time is not taken for an answer to what came after it."""
    await ensure_event_stream(jetstream(nats_client), replicas=1)
    publisher = Publisher(nats_client)
    assert await publisher.publish(_messages(1), seconds=0) == Outcome({}, None)
    outcome = await publisher.publish(_messages(2), seconds=5)
    assert list(outcome.sequences) == [2]
