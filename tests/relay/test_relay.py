"""Events reach JetStream, each once by its message id, whatever happens to the relay, to NATS and to the consumers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from em_agent.domain.consumers import CONSUMERS, INCIDENTS, STREAM, WAREHOUSE
from em_agent.events.message import PAYLOAD_LIMIT_BYTES
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool
from tests.deliveries import body_of, delivery, event
from tests.faults import proxy_before
from tests.parts import NO_NATS, Gateway, StandIn, gateway_on, relay_on, running
from tests.servers import own_nats
from tests.waiting import eventually


async def messages_of(client: Client) -> list[RawStreamMsg]:
    """Every message in the stream, in its order."""
    js = client.jetstream(timeout=5)
    state = (await js.stream_info(STREAM)).state
    return [await js.get_msg(STREAM, sequence) for sequence in range(state.first_seq, state.last_seq + 1)]


async def in_stream(client: Client) -> int:
    """The count of messages in the stream."""
    return (await client.jetstream(timeout=5).stream_info(STREAM)).state.messages


async def outbox(pool: Pool) -> tuple[int, int]:
    """How many events are still to be published, and how many are not finished with."""
    row = await pool.fetchrow(
        "SELECT count(*) FILTER (WHERE published_at IS NULL), count(*) FILTER (WHERE published_at IS NOT NULL) FROM outbox"
    )
    assert row is not None
    return row[0], row[1]


@asynccontextmanager
async def stand_ins(client: Client) -> AsyncIterator[None]:
    """Consumers that acknowledge whatever comes."""
    async with running(*(StandIn(client, name).run() for name in CONSUMERS)):
        yield


async def test_an_event_becomes_a_message(database_url: str, nats_url: str, nats_client: Client) -> None:
    """A message on `events.<source>` has the event's facts, its payload byte for byte, and the delivery as its id."""
    body = b'{"event": {"id": "01A", "event_type":"incident.triggered", "occurred_at":"2026-03-01T12:00:00.123Z", "x": 1.10}}'
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        (event_id,) = await gateway.store(body)
        await eventually(lambda: _has(nats_client, 1))
    (message,) = await messages_of(nats_client)
    assert message.subject == "events.pagerduty"
    assert (message.headers or {})["Nats-Msg-Id"] == "pagerduty:01A"
    assert message.data is not None
    assert body in message.data
    fields = json.loads(message.data)
    assert set(fields) == {"id", "source", "event_type", "delivery_id", "occurred_at", "received_at", "payload"}
    assert (fields["id"], fields["source"], fields["delivery_id"]) == (event_id, "pagerduty", "01A")
    assert fields["occurred_at"].startswith("2026-03-01T12:00:00.123")


async def test_each_event_is_one_message(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Many events, repeated and of odd ids, with two relays at work, are one message each."""
    odd = [
        "a\nb",
        "a\r\nNats-Msg-Id: x",
        "ключ-🔑",
        "🔑" * 200,
        "a#b",
        "a%23b",
        "%",
        " ",
        'q"q',
        "a:b",
        "x#replay-1-1",
        "*",
        ">",
        "a.b",
    ]
    bodies = [delivery("triggered") for _ in range(100)] + [
        body_of(event("triggered", delivery_id=name)) for name in odd
    ]
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), relay_on(database_url, nats_url):
        await asyncio.gather(*(gateway.post(body) for body in bodies * 2))
        await eventually(lambda: _is_published(pool))
    names = [(message.headers or {})["Nats-Msg-Id"] for message in await messages_of(nats_client)]
    assert len(names) == len(set(names)) == len(bodies)
    ids = [json.loads(message.data or b"")["delivery_id"] for message in await messages_of(nats_client)]
    assert set(odd) <= set(ids)


async def test_the_outbox_empties_when_every_consumer_is_done(
    database_url: str, nats_url: str, nats_client: Client, pool: Pool
) -> None:
    """An event stays in the outbox until both consumers have acknowledged it, not one alone."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await gateway.store(*(delivery("triggered") for _ in range(20)))
        await eventually(lambda: _is_published(pool))
        incidents, warehouse = [await StandIn(nats_client, name).make() for name in CONSUMERS]
        assert await incidents.finish_all() == 20
        await asyncio.sleep(2.2)  # two rounds of clearing away, in which nothing may go
        assert await outbox(pool) == (0, 20)
        assert await warehouse.finish_all() == 20
        await eventually(lambda: _is_empty(pool))


async def test_commits_out_of_order(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """An event whose transaction commits long after those with later ids is published all the same."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), stand_ins(nats_client):
        slow = await asyncpg.connect(database_url)
        transaction = slow.transaction()
        await transaction.start()
        early = await slow.fetchval(
            "INSERT INTO events_raw (source, delivery_id, payload) VALUES ('pagerduty', 'slow', '{}') RETURNING id"
        )
        await slow.execute("INSERT INTO outbox (event_id, source) VALUES ($1, 'pagerduty')", early)
        ids = await gateway.store(*(delivery("triggered") for _ in range(10)))
        assert min(ids) > early
        await eventually(lambda: _is_empty(pool))  # the later ones are published, finished and gone
        await transaction.commit()
        await slow.close()
        await eventually(lambda: _has(nats_client, 11))
        await eventually(lambda: _is_empty(pool))


async def test_another_relay_takes_over(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """When the relay that leads dies another one goes on by itself; while it lives the other publishes nothing."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url) as second:
        await eventually(lambda: _leaders(pool))
        async with relay_on(database_url, nats_url) as first:
            assert first is not second
            await gateway.store(delivery("triggered"))
            await eventually(lambda: _has(nats_client, 1))
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1", 0x656D01
            )
            await gateway.store(delivery("triggered"))
            await eventually(lambda: _has(nats_client, 2))
            assert await _leaders(pool) == 1


async def test_nats_away(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Without NATS deliveries are taken as ever, and the relay catches up when it is back."""
    async with (
        proxy_before(nats_url) as (proxy, through),
        gateway_on(database_url, through) as gateway,
        relay_on(database_url, through),
    ):
        await gateway.store(delivery("triggered"))
        await eventually(lambda: _has(nats_client, 1))
        await proxy.cut()
        async with asyncio.timeout(3):
            await gateway.store(*(delivery("triggered") for _ in range(20)))
        assert (await outbox(pool))[0] == 20
        await proxy.restore()
        await eventually(lambda: _has(nats_client, 21), 30)
        proxy.stall()
        await gateway.store(*(delivery("triggered") for _ in range(20)))
        await asyncio.sleep(1)
        await proxy.restore()
        await eventually(lambda: _has(nats_client, 41), 40)


async def test_nats_not_there_at_the_start(database_url: str) -> None:
    """A gateway that never saw a NATS takes deliveries and serves its API."""
    async with gateway_on(database_url, NO_NATS) as gateway:
        await gateway.store(delivery("triggered"))
        assert (await gateway.client.get("/readyz/ingest")).status_code == 200
        assert (await gateway.client.get("/readyz")).status_code == 503


async def test_a_deleted_stream(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """What consumers had not finished when the stream was deleted is published again; what they had is not."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await _finish_some(gateway, nats_client, pool, finished=5, left=7)
        await nats_client.jetstream().delete_stream(STREAM)
        await eventually(lambda: _has(nats_client, 7))
        assert sorted(await _ids(nats_client)) == [f"left-{n}" for n in range(7)]


async def test_wiped_storage(database_url: str, pool: Pool, tmp_path: Path) -> None:
    """A NATS that comes back with an empty disk gets everything that consumers had not finished."""
    async with (
        own_nats(tmp_path / "own") as server,
        gateway_on(database_url, server.url) as gateway,
        relay_on(database_url, server.url),
    ):
        async with open_client(server.url, name="test") as client:
            await _finish_some(gateway, client, pool, finished=5, left=7)
        server.wipe()
        await gateway.store(body_of(event("triggered", delivery_id="left-7")))
        await server.start()
        async with open_client(server.url, name="test") as client:
            await eventually(lambda: _has(client, 8), 30)
            assert sorted(await _ids(client)) == [f"left-{n}" for n in range(8)]
            async with stand_ins(client):
                await eventually(lambda: _is_empty(pool), 20)


async def test_a_lost_tail(database_url: str, pool: Pool, tmp_path: Path) -> None:
    """Messages at the stream's end that a power failure took are published again."""
    async with (
        own_nats(tmp_path / "own") as server,
        gateway_on(database_url, server.url) as gateway,
        relay_on(database_url, server.url),
    ):
        async with open_client(server.url, name="test") as client:
            await _finish_some(gateway, client, pool, finished=2, left=3)
        server.kill()
        server.copy_store(tmp_path / "kept")
        await server.start()
        await gateway.store(*(body_of(event("triggered", delivery_id=f"tail-{n}")) for n in range(5)))
        await eventually(lambda: _is_published(pool), 20)
        server.kill()
        server.put_store_back(tmp_path / "kept")
        await server.start()
        async with open_client(server.url, name="test") as client:
            await eventually(lambda: _has(client, 10), 30)
            assert {f"tail-{n}" for n in range(5)} <= set(await _ids(client))


async def test_a_lost_tail_behind_which_others_are_published(database_url: str, pool: Pool, tmp_path: Path) -> None:
    """The lost messages are noticed also where new ones would take their places at once."""
    async with (
        own_nats(tmp_path / "own") as server,
        gateway_on(database_url, server.url) as gateway,
        relay_on(database_url, server.url),
    ):
        await gateway.store(*(body_of(event("triggered", delivery_id=f"kept-{n}")) for n in range(3)))
        await eventually(lambda: _is_published(pool), 20)
        server.kill()
        server.copy_store(tmp_path / "kept")
        await server.start()
        await gateway.store(*(body_of(event("triggered", delivery_id=f"tail-{n}")) for n in range(5)))
        await eventually(lambda: _is_published(pool), 20)
        server.kill()
        server.put_store_back(tmp_path / "kept")
        await gateway.store(*(body_of(event("triggered", delivery_id=f"new-{n}")) for n in range(20)))
        await server.start()
        async with open_client(server.url, name="test") as client:
            await eventually(lambda: _has(client, 28), 30)
            assert len(set(await _ids(client))) == 28


async def test_a_purged_stream(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Messages that somebody purged before a consumer had them are published again, though its floor moved past them."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await _finish_some(gateway, nats_client, pool, finished=5, left=7)
        for _ in range(3):
            await nats_client.jetstream().purge_stream(STREAM)
            await eventually(lambda: _has(nats_client, 7))
            assert sorted(await _ids(nats_client)) == [f"left-{n}" for n in range(7)]
        async with stand_ins(nats_client):
            await eventually(lambda: _is_empty(pool))


async def test_a_deleted_consumer(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """While a consumer is missing nothing leaves the outbox; made again it gets everything once more."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await _finish_some(gateway, nats_client, pool, finished=5, left=7)
        await nats_client.jetstream().delete_consumer(STREAM, WAREHOUSE)
        incidents = await StandIn(nats_client, INCIDENTS).make()
        await incidents.finish_all()
        await asyncio.sleep(2.2)
        assert await outbox(pool) == (0, 7)
        again = await StandIn(nats_client, WAREHOUSE).make()
        assert await again.finish_all() == 12
        await eventually(lambda: _is_empty(pool))


async def test_a_large_payload_is_left_out(database_url: str, nats_url: str, nats_client: Client) -> None:
    """A payload above 512 KiB is not in its message; one of just that size is."""
    shell = b'{"event":{"event_type":"incident.triggered","data":{"title":"%s"}}}'
    room = PAYLOAD_LIMIT_BYTES - len(shell) + 2
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await gateway.store(
            shell % (b"x" * room), shell % (b"x" * (room + 1)), shell % ("é" * (room // 2 + 1)).encode()
        )
        await eventually(lambda: _has(nats_client, 3))
    fields: list[dict[str, Any]] = [json.loads(message.data or b"") for message in await messages_of(nats_client)]
    assert ["payload" in each for each in fields] == [True, False, False]


async def test_a_huge_event_type(database_url: str, nats_url: str, nats_client: Client) -> None:
    """An event type so long that no message could hold it keeps neither its own event nor the later ones back."""
    shell = b'{"event":{"event_type":"%s"}}'
    room = 1024 * 1024 - len(shell) + 2
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await gateway.store(shell % (b"x" * room), shell % (b"y" * (room // 2 - 200)), delivery("triggered"))
        await eventually(lambda: _has(nats_client, 3))


async def test_a_steady_stream(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """While deliveries never cease, late commits are published and finished events are cleared away all the same."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), stand_ins(nats_client):

        async def send() -> None:
            while True:
                await gateway.store(delivery("triggered"))

        slow = await asyncpg.connect(database_url)
        transaction = slow.transaction()
        await transaction.start()
        early = await slow.fetchval(
            "INSERT INTO events_raw (source, delivery_id, payload) VALUES ('pagerduty', 'slow', '{}') RETURNING id"
        )
        await slow.execute("INSERT INTO outbox (event_id, source) VALUES ($1, 'pagerduty')", early)
        async with running(*(send() for _ in range(8))):
            await eventually(lambda: _has(nats_client, 50))
            await transaction.commit()
            await slow.close()
            await eventually(lambda: pool.fetchval("SELECT count(*) = 0 FROM outbox WHERE event_id = $1", early), 6)


async def test_postgres_gone_and_back(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """A relay whose database connection breaks or stalls goes on when it can."""
    async with (
        proxy_before(database_url) as (proxy, through),
        gateway_on(database_url) as gateway,
        relay_on(through, nats_url),
    ):
        await gateway.store(delivery("triggered"))
        await eventually(lambda: _has(nats_client, 1))
        for _ in range(3):
            await proxy.cut()
            await gateway.store(delivery("triggered"))
            await proxy.restore()
        await eventually(lambda: _has(nats_client, 4), 20)
        assert len(set(await _ids(nats_client))) == 4
        assert await _leaders(pool) == 1


async def _finish_some(gateway: Gateway, client: Client, pool: Pool, *, finished: int, left: int) -> None:
    """Have some events finished by both consumers, and others by the incidents' alone."""
    await gateway.store(*(body_of(event("triggered", delivery_id=f"done-{n}")) for n in range(finished)))
    await eventually(lambda: _is_published(pool))
    for name in CONSUMERS:
        assert await (await StandIn(client, name).make()).finish_all() == finished
    await eventually(lambda: _is_empty(pool))
    await gateway.store(*(body_of(event("triggered", delivery_id=f"left-{n}")) for n in range(left)))
    await eventually(lambda: _is_published(pool))


async def _ids(client: Client) -> list[str]:
    return [json.loads(message.data or b"")["delivery_id"] for message in await messages_of(client)]


async def _is_published(pool: Pool) -> bool:
    return (await outbox(pool))[0] == 0


async def _is_empty(pool: Pool) -> bool:
    return await outbox(pool) == (0, 0)


async def _has(client: Client, count: int) -> bool:
    try:
        return await in_stream(client) >= count
    except Exception as error:
        raise OSError from error


async def _leaders(pool: Pool) -> int:
    count: int = await pool.fetchval(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        0x656D01,
    )
    return count
