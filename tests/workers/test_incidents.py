"""The worker of the incidents: right results, and nothing lost, whatever is in the stream and whatever goes away."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from em_agent.domain.consumers import DEAD_LETTER_STREAM, INCIDENTS, STREAM
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool, open_pool
from em_agent.workers import consume
from em_agent.workers.consume import Consumer, Worker
from tests.deliveries import body_of, delivery, event, incident
from tests.faults import proxy_before
from tests.parts import StandIn, gateway_on, relay_on, running, worker_on
from tests.waiting import eventually


async def facts(pool: Pool) -> int:
    """The count of events that had their effect."""
    count: int = await pool.fetchval("SELECT count(*) FROM incident_events")
    return count


async def has_facts(pool: Pool, count: int) -> bool:
    """Whether so many events had their effect."""
    return await facts(pool) == count


async def is_finished(client: Client) -> bool:
    """Whether the consumer has nothing left to do."""
    info = await client.jetstream(timeout=5).consumer_info(STREAM, INCIDENTS)
    return not info.num_pending and not info.num_ack_pending


def of(identifier: str, kind: str, seconds: float, **fields: Any) -> bytes:
    """An event of the incident."""
    return delivery(kind, seconds, data=incident(identifier), **fields)


async def test_deliveries_become_incidents(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Deliveries come out as incidents with exact times, and the outbox lets them go."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), worker_on(pool, nats_url):
        ids = await gateway.store(
            of("P1", "resolved", 1800.5),
            of("P1", "triggered", 0),
            of("P1", "acknowledged", 61.25),
            of("P2", "triggered", 7),
        )
        await eventually(lambda: has_facts(pool, 4))
        rows = await pool.fetch(
            "SELECT id, status, time_to_acknowledge_seconds, time_to_resolve_seconds FROM incidents ORDER BY id"
        )
        assert [tuple(row) for row in rows] == [("P1", "resolved", 61.25, 1800.5), ("P2", "triggered", None, None)]
        found = (await gateway.client.get("/v1/incidents/P1")).json()
        assert found["events"] == sorted(ids[:3])
        assert [entry["type"] for entry in found["timeline"]] == ["triggered", "acknowledged", "resolved"]
        async with running(StandIn(nats_client).run()):
            await eventually(lambda: _is_empty(pool))


async def test_messages_that_come_again(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """A consumer that gets everything once more, since it was deleted or the stream was, changes nothing."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), worker_on(pool, nats_url):
        await gateway.store(
            *(of(f"P{n % 3}", kind, n) for n, kind in enumerate(["triggered", "acknowledged", "resolved"] * 4))
        )
        await eventually(lambda: has_facts(pool, 12))
        before = await pool.fetch("SELECT * FROM incidents ORDER BY id")
        await nats_client.jetstream().delete_consumer(STREAM, INCIDENTS)
        await gateway.store(of("P9", "triggered", 0))
        await eventually(lambda: has_facts(pool, 13), 30)
        await nats_client.jetstream().delete_stream(STREAM)
        await gateway.store(of("P9", "resolved", 9))
        await eventually(lambda: has_facts(pool, 14), 30)
        await eventually(lambda: is_finished(nats_client))
        assert await pool.fetch("SELECT * FROM incidents WHERE id <> 'P9' ORDER BY id") == before


async def test_odd_payloads(database_url: str, nats_url: str, pool: Pool, nats_client: Client) -> None:
    """Odd payloads neither stop the worker nor are set aside; those that name an incident are on its timeline."""
    deep = b'{"event":{"event_type":"incident.triggered","data":{"id":"PDEEP","x":%s%s}}}' % (b"[" * 3000, b"]" * 3000)
    long_id = "".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(200))
    bodies = [
        b"{}",
        b'{"event":[]}',
        deep,
        body_of(event("triggered", data=incident("PODD", type=[]))),
        body_of(event("triggered", data=incident(long_id))),
        body_of(event("triggered", data=incident("PODD", assignees=[{"summary": long_id}]))),
        b'{"event":{"event_type":"incident.triggered","data":{"id":"PODD","type":"incident","number":1e999}}}',
        body_of(event("triggered", data=incident("PODD", title="x" * 300_000))),
        *(
            body_of(
                {
                    "event": {
                        **event("triggered", delivery_id="")["event"],
                        "occurred_at": moment,
                        "data": incident(f"PT{n}"),
                    }
                }
            )
            for n, moment in enumerate(
                [
                    "0001-01-01T00:00:00Z",
                    "0001-01-01T00:00:01Z",
                    "9999-12-31T23:59:59Z",
                    "9999-12-31T23:59:59.999999Z",
                    None,
                    7,
                ]
            )
        ),
        body_of(event("triggered", data=incident("PC1", created_at="0001-01-01T00:00:00Z"))),
        body_of(event("resolved", data=incident("PC2", created_at="9999-12-31T23:59:59.999999Z"))),
    ]
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), worker_on(pool, nats_url):
        for body in bodies:
            assert (await gateway.post(body)).json()["status"] == "ok"
        await eventually(lambda: is_finished(nats_client), 20)
        assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 0
        rows = await pool.fetch("SELECT incident_id, count(*) AS n FROM incident_events GROUP BY 1")
        assert {row["incident_id"]: row["n"] for row in rows} == {
            "PDEEP": 1, "PODD": 4, "PC1": 1, "PC2": 1, **{f"PT{n}": 1 for n in range(6)},
        }  # fmt: skip
        page = await gateway.client.get("/v1/incidents?limit=500")
        assert page.status_code == 200
        for each in page.json()["incidents"]:
            assert (await gateway.client.get(f"/v1/incidents/{each['id']}")).status_code == 200


async def test_a_large_payload_is_read_by_its_id(database_url: str, nats_url: str, pool: Pool) -> None:
    """An event whose message has no payload counts like any other."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url), worker_on(pool, nats_url):
        await gateway.store(of("P1", "triggered", 0), delivery("resolved", 90, data=incident("P1", body="x" * 900_000)))
        await eventually(lambda: has_facts(pool, 2))
    assert await pool.fetchval("SELECT time_to_resolve_seconds FROM incidents") == 90


GARBAGE = [
    b"",
    b"hello",
    b"\xff\x00",
    b"[]",
    b"{}",
    b'{"id":"x","source":[],"event_type":null,"delivery_id":"d","occurred_at":null,"received_at":"2026-03-01T00:00:00+00:00"}',
    b'{"id":99999999999999999999,"source":"p","event_type":null,"delivery_id":"d","occurred_at":null,"received_at":"2026-03-01T00:00:00Z"}',
    b'{"id":1,"source":"\\ud800","event_type":null,"delivery_id":"\\ud800","occurred_at":null,"received_at":"2026-03-01T00:00:00+00:00"}',
    b'{"id":987654,"source":"pagerduty","event_type":null,"delivery_id":"d","occurred_at":null,"received_at":"2026-03-01T00:00:00+00:00"}',
    b"[" * 200_000,
]


async def test_garbage_in_the_stream(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Messages of somebody else's on our subjects are set aside at once, and the events among them pass."""
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await gateway.store(of("P1", "triggered", 0))
        await eventually(lambda: _has_messages(nats_client, 1))
        for data in GARBAGE:
            await nats_client.publish("events.pagerduty", data)
            await nats_client.publish("events.somebody.else", data)
        await gateway.store(of("P1", "resolved", 60))
        async with worker_on(pool, nats_url):
            await eventually(lambda: has_facts(pool, 2))
            await eventually(lambda: is_finished(nats_client))
    aside = await nats_client.jetstream().stream_info(DEAD_LETTER_STREAM)
    assert aside.state.messages == 2 * len(GARBAGE)


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Failures come again soon."""
    monkeypatch.setattr(consume, "LONGEST_BACKOFF_SECONDS", 0.1)
    return [0.1]


async def test_a_bad_message_in_a_batch(
    database_url: str, nats_url: str, nats_client: Client, pool: Pool, spoiled: list[float]
) -> None:
    """A message that keeps failing is set aside with its error, its neighbours pass, and a replay brings it through."""
    assert spoiled
    await pool.execute(
        "ALTER TABLE incident_events ADD CONSTRAINT spoiled CHECK (incident_id <> 'PBAD')"
    )  # a cause outside of our code
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await gateway.store(
            *(of(f"P{n}", "triggered", 0) for n in range(5)), of("PBAD", "triggered", 0), of("P6", "triggered", 0)
        )
        await eventually(lambda: _has_messages(nats_client, 7))
        async with worker_on(pool, nats_url):
            await eventually(lambda: has_facts(pool, 6))
            (letter,) = await eventually(lambda: pool.fetch("SELECT * FROM dead_letters"))
            assert (letter["consumer"], letter["attempts"], letter["resolved_at"]) == (
                INCIDENTS,
                consume.ATTEMPTS,
                None,
            )
            assert "spoiled" in letter["error"]
            message = await eventually(lambda: _last_letter(nats_client))
            assert message.subject == f"dead_letters.{INCIDENTS}"
            assert "spoiled" in message.headers["Em-Agent-Error"]
            assert json.loads(message.data)["id"] == letter["event_id"]
            listed = (await gateway.client.get("/v1/dead-letters")).json()["dead_letters"]
            assert [each["id"] for each in listed] == [letter["id"]]

            again = await gateway.client.post(f"/v1/dead-letters/{letter['id']}/replay")  # too early: it fails again
            assert again.status_code == 202
            await eventually(lambda: pool.fetchval("SELECT failed_at > $1 FROM dead_letters", letter["failed_at"]), 20)
            await pool.execute("ALTER TABLE incident_events DROP CONSTRAINT spoiled")
            assert (await gateway.client.post(f"/v1/dead-letters/{letter['id']}/replay")).status_code == 202
            await eventually(lambda: has_facts(pool, 7))
            await eventually(lambda: pool.fetchval("SELECT resolved_at IS NOT NULL FROM dead_letters"))
            assert (await gateway.client.get("/v1/dead-letters")).json()["dead_letters"] == []
            async with running(StandIn(nats_client).run()):
                await eventually(lambda: _is_empty(pool))


async def test_a_message_that_takes_too_long(
    database_url: str, nats_url: str, pool: Pool, spoiled: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message whose statement always exceeds its time is set aside after some tries, and its neighbours pass."""
    assert spoiled
    monkeypatch.setattr(consume, "SLOW_ATTEMPTS", 3)
    await pool.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); END $$; "
        "CREATE TRIGGER dawdle BEFORE INSERT ON incident_events FOR EACH ROW WHEN (NEW.incident_id = 'PSLOW') "
        "EXECUTE FUNCTION dawdle()"
    )
    async with (
        gateway_on(database_url) as gateway,
        relay_on(database_url, nats_url),
        open_pool(database_url, name="impatient", size=2, command_seconds=0.3) as impatient,
        worker_on(impatient, nats_url),
    ):
        await gateway.store(*(of(name, "triggered", 0) for name in ("P1", "PSLOW", "P2")))
        await eventually(lambda: has_facts(pool, 2))
        (letter,) = await eventually(lambda: pool.fetch("SELECT attempts, error FROM dead_letters"))
        assert letter["attempts"] == 3
        assert "Timeout" in letter["error"]


async def test_the_database_away_while_handling(
    database_url: str, nats_url: str, nats_client: Client, pool: Pool
) -> None:
    """While the database is away nothing is set aside, and everything is applied when it is back."""
    async with (
        proxy_before(database_url) as (proxy, through),
        open_pool(through, name="worker", size=2) as broken,
        gateway_on(database_url) as gateway,
        relay_on(database_url, nats_url),
        worker_on(broken, nats_url),
    ):
        await gateway.store(of("P1", "triggered", 0))
        await eventually(lambda: has_facts(pool, 1))
        await proxy.cut()
        await gateway.store(*(of("P1", "acknowledged", n) for n in range(1, 20)))
        await eventually(lambda: _attempted(nats_client))
        await proxy.restore()
        await eventually(lambda: has_facts(pool, 20), 40)
        await eventually(lambda: is_finished(nats_client))
        proxy.stall()
        await gateway.store(of("P1", "resolved", 60))
        await eventually(lambda: _is_in_hands(nats_client))
        await proxy.cut()
        await proxy.restore()
        await eventually(lambda: has_facts(pool, 21), 40)
        assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 0
        assert await pool.fetchval("SELECT time_to_resolve_seconds FROM incidents") == 60


async def test_several_workers(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Workers that share events of the same incidents neither block each other nor lose anything."""
    kinds = ["triggered", "acknowledged", "escalated", "resolved"]
    bodies = [of(f"P{n}", kind, 10 * place) for place, kind in enumerate(kinds) for n in range(40)]
    async with (
        gateway_on(database_url) as gateway,
        relay_on(database_url, nats_url),
        worker_on(pool, nats_url),
        worker_on(pool, nats_url),
        worker_on(pool, nats_url),
    ):
        await asyncio.gather(*(gateway.post(body) for body in reversed(bodies)))
        await eventually(lambda: has_facts(pool, len(bodies)), 30)
        await eventually(lambda: is_finished(nats_client))
    rows = await pool.fetch(
        "SELECT status, time_to_acknowledge_seconds, time_to_resolve_seconds, escalation_count FROM incidents"
    )
    assert [tuple(row) for row in rows] == [("resolved", 10, 30, 1)] * 40
    assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_a_worker_that_is_stopped_in_the_middle(database_url: str, nats_url: str, pool: Pool) -> None:
    """What a stopped worker had in its hands goes to another one at once."""
    started = asyncio.Event()

    async def hold(_: Sequence[Msg]) -> None:
        started.set()
        await asyncio.sleep(3600)

    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        await gateway.store(*(of("P1", "triggered", n) for n in range(5)))
        async with open_client(nats_url, name="slow") as client:
            slow = Consumer(INCIDENTS, hold, batch_size=200)
            async with running(Worker(client, slow, replicas=1).run()):
                await asyncio.wait_for(started.wait(), 10)
        async with worker_on(pool, nats_url):
            await eventually(lambda: has_facts(pool, 5), 6)


async def test_replay_of_nothing(database_url: str, pool: Pool) -> None:
    """A replay of a dead letter that does not exist is 404, and publishes nothing."""
    async with gateway_on(database_url) as gateway:
        answer = await gateway.client.post("/v1/dead-letters/7/replay")
        assert (answer.status_code, list(answer.json())) == (404, ["detail"])
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def _is_empty(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT count(*) = 0 FROM outbox"))


async def _has_messages(client: Client, count: int) -> bool:
    try:
        return (await client.jetstream(timeout=5).stream_info(STREAM)).state.messages >= count
    except Exception as error:
        raise OSError from error


async def _last_letter(client: Client) -> Any:
    try:
        return await client.jetstream(timeout=5).get_last_msg(DEAD_LETTER_STREAM, f"dead_letters.{INCIDENTS}")
    except Exception as error:
        raise OSError from error


async def _is_in_hands(client: Client) -> bool:
    info = await client.jetstream(timeout=5).consumer_info(STREAM, INCIDENTS)
    return bool(info.num_ack_pending)


async def _attempted(client: Client) -> bool:
    info = await client.jetstream(timeout=5).consumer_info(STREAM, INCIDENTS)
    return bool(info.num_redelivered)
