"""The gateway while its database is away, slow or in the way: clear answers in time, nothing lost, no hand needed."""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
import httpx2

from em_agent.app import build_gateway
from em_agent.kit.postgres import Pool
from em_agent.services import open_gateway
from em_agent.settings import load_settings
from tests.deliveries import body_of, delivery, event, signed
from tests.faults import proxy_before
from tests.parts import Gateway, gateway_on, serving
from tests.waiting import eventually

# The sender's patience.
SECONDS = 5.0
ODD = b'{"event":{"event_type":"incident.triggered","data":{"title":"\\\\u0000"}}}'


async def timed(gateway: Gateway, body: bytes) -> tuple[httpx2.Response, float]:
    """The answer, and how long it took."""
    begun = time.monotonic()
    answer = await gateway.post(body)
    return answer, time.monotonic() - begun


def check_unavailable(outcomes: Sequence[tuple[httpx2.Response, float]]) -> None:
    """Each is a 503 that says when to come again, and came in time."""
    for answer, seconds in outcomes:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert list(answer.json()) == ["detail"]
        assert seconds < SECONDS


async def check_works(gateway: Gateway, pool: Pool, bodies: Sequence[bytes]) -> None:
    """Without a restart the same deliveries are stored, each once."""
    for body in bodies:
        answer = await eventually(lambda body=body: _accepted(gateway, body))  # type: ignore[misc]
        assert answer.json()["status"] in {"ok", "duplicate"}
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == len(bodies)
    assert await pool.fetchval("SELECT count(*) FROM outbox") == len(bodies)


async def _accepted(gateway: Gateway, body: bytes) -> httpx2.Response | None:
    answer = await gateway.post(body)
    return answer if answer.status_code == 200 else None


async def test_postgres_gone(database_url: str, pool: Pool) -> None:
    """Without PostgreSQL every delivery, odd ones too, is 503 within 5 s; when it is back they are stored."""
    async with proxy_before(database_url) as (proxy, through), gateway_on(through) as gateway:
        bodies = [delivery("triggered") for _ in range(10)] + [ODD]
        await gateway.store(bodies[0])
        await proxy.cut()
        check_unavailable(await asyncio.gather(*(timed(gateway, body) for body in bodies)))
        begun = time.monotonic()
        assert (await gateway.client.get("/readyz/ingest")).status_code == 503
        assert (await gateway.client.get("/v1/incidents")).status_code == 503
        assert (await gateway.client.get("/healthz")).status_code == 200
        assert time.monotonic() - begun < SECONDS
        await proxy.restore()
        await check_works(gateway, pool, bodies)
        assert (await gateway.client.get("/readyz/ingest")).status_code == 200


async def test_postgres_gone_from_the_start(database_url: str, pool: Pool) -> None:
    """A gateway that starts without PostgreSQL serves, and stores as soon as it is there."""
    async with proxy_before(database_url) as (proxy, through):
        await proxy.cut()
        async with gateway_on(through) as gateway:
            body = delivery("triggered")
            check_unavailable([await timed(gateway, body)])
            await proxy.restore()
            await check_works(gateway, pool, [body])


async def test_postgres_stalls(database_url: str, pool: Pool) -> None:
    """A PostgreSQL that takes requests and says nothing makes 503 within 5 s, whatever the body and however many."""
    async with proxy_before(database_url) as (proxy, through), gateway_on(through) as gateway:
        bodies = [delivery("triggered") for _ in range(10)]
        odd = [ODD.replace(b"title", b"title%d" % n) for n in range(20)]
        unreadable = [b"no json %d" % n for n in range(5)]
        await gateway.store(bodies[0])
        assert (await gateway.post(odd[0])).status_code == 200
        proxy.stall()
        check_unavailable(await asyncio.gather(*(timed(gateway, body) for body in [*bodies, *odd, *unreadable])))
        begun = time.monotonic()
        assert (await gateway.client.get("/readyz/ingest")).status_code == 503
        assert time.monotonic() - begun < SECONDS
        await proxy.restore()
        await check_works(gateway, pool, [*bodies, *odd])


async def test_postgres_stalls_in_the_commit(database_url: str, pool: Pool) -> None:
    """A delivery whose commit succeeds while its answer is lost is 503, and its resend a duplicate, not a second row."""
    async with proxy_before(database_url) as (proxy, through), gateway_on(through) as gateway:
        body = delivery("triggered")
        proxy.stall_on(b"INSERT INTO events_raw")
        check_unavailable([await timed(gateway, body)])
        assert proxy.stalled.is_set()
        await proxy.cut()
        await proxy.restore()
        await check_works(gateway, pool, [body])


async def test_connections_that_break_again_and_again(database_url: str, pool: Pool) -> None:
    """However often its connections break in the middle of work, every accepted delivery is there once."""
    async with proxy_before(database_url) as (proxy, through), gateway_on(through) as gateway:
        accepted: dict[bytes, int] = {}

        async def send() -> None:
            for _ in range(30):
                body = delivery("triggered")
                answer = await gateway.post(body)
                if answer.status_code == 200:
                    accepted[body] = answer.json()["id"]

        async def break_it() -> None:
            for _ in range(6):
                await asyncio.sleep(0.1)
                await proxy.cut()
                await asyncio.sleep(0.05)
                await proxy.restore()

        await asyncio.gather(break_it(), *(send() for _ in range(5)))
        rows = await pool.fetch("SELECT id, payload::text AS payload FROM events_raw")
        kept = {row["payload"].encode(): row["id"] for row in rows}
        assert accepted
        assert len(kept) == len(rows)
        assert accepted.items() <= kept.items()


async def test_sessions_that_are_ended(database_url: str, pool: Pool) -> None:
    """When somebody ends the gateway's sessions the next deliveries are stored; at most those under way are 503."""
    async with gateway_on(database_url) as gateway:
        await gateway.store(delivery("triggered"))
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'em-agent gateway'"
        )
        body = delivery("triggered")
        await eventually(lambda: _accepted(gateway, body))


async def test_a_poisoned_row_among_others(database_url: str, pool: Pool) -> None:
    """A delivery that the database refuses is kept apart with the reason, and its neighbours in the batch are stored."""
    await pool.execute("ALTER TABLE events_raw ADD CONSTRAINT spoiled CHECK (delivery_id <> 'poison')")
    async with gateway_on(database_url) as gateway:
        bodies = [delivery("triggered") for _ in range(60)]
        poison = body_of(event("triggered", delivery_id="poison"))
        bodies[30:30] = [poison]
        answers = await asyncio.gather(*(gateway.post(body) for body in bodies))
        assert [answer.json()["status"] for answer in answers].count("ok") == 60
        assert answers[30].json()["status"] == "quarantined"
        row = await pool.fetchrow("SELECT body, reason FROM quarantine")
        assert row is not None
        assert row["body"] == poison
        assert "spoiled" in row["reason"]
        assert (await gateway.post(poison)).json()["status"] == "quarantined"


async def test_a_full_queue(database_url: str, pool: Pool) -> None:
    """Over the queue's limit a delivery is 503 at once, and those in the queue are stored when the way is free."""
    async with gateway_on(database_url, EM_AGENT_QUEUE_LIMIT="5") as gateway:
        lock = await asyncpg.connect(database_url)
        transaction = lock.transaction()
        await transaction.start()
        await lock.execute("LOCK TABLE events_raw IN ACCESS EXCLUSIVE MODE")
        posts = [asyncio.create_task(timed(gateway, delivery("triggered"))) for _ in range(40)]
        await eventually(lambda: sum(post.done() for post in posts) >= 10)
        refused = [post.result() for post in posts if post.done()]
        check_unavailable(refused)
        assert max(seconds for _, seconds in refused) < 2
        await transaction.rollback()
        await lock.close()
        answers = [(await post)[0] for post in posts]
    stored = sum(answer.status_code == 200 for answer in answers)
    assert stored >= 5
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == stored


async def test_a_row_that_another_transaction_holds(database_url: str) -> None:
    """A delivery whose row somebody writes and does not commit holds up its batch, not the gateway."""
    async with gateway_on(database_url) as gateway:
        await gateway.store(delivery("triggered"))
        other = await asyncpg.connect(database_url)
        transaction = other.transaction()
        await transaction.start()
        await other.execute("INSERT INTO events_raw (source, delivery_id, payload) VALUES ('pagerduty', 'held', '{}')")
        held = asyncio.create_task(timed(gateway, body_of(event("triggered", delivery_id="held"))))
        await asyncio.sleep(0.3)
        outcome = await timed(gateway, delivery("triggered"))
        assert outcome[0].status_code == 200
        check_unavailable([await held])
        await transaction.rollback()
        await other.close()


async def test_stopping_writes_what_is_queued(database_url: str, pool: Pool) -> None:
    """A gateway that is told to stop answers the deliveries it has, and each 200 is on disk."""
    settings = load_settings(
        {"DATABASE_URL": database_url, "NATS_URL": "nats://127.0.0.1:1", "PAGERDUTY_WEBHOOK_SECRET": "s"}
    )
    bodies = [delivery("triggered") for _ in range(200)]
    async with httpx2.AsyncClient(timeout=15, limits=httpx2.Limits(max_connections=None), trust_env=False) as client:
        async with open_gateway(settings) as services, serving(build_gateway(services)) as url:
            posts = [
                asyncio.create_task(client.post(f"{url}/webhooks/pagerduty", content=body, headers=signed(body, "s")))
                for body in bodies
            ]
            await eventually(lambda: services.recorder.queue_depth or any(post.done() for post in posts))
        answers = await asyncio.gather(*posts, return_exceptions=True)
    stored = {
        answer.json()["id"] for answer in answers if isinstance(answer, httpx2.Response) and answer.status_code == 200
    }
    assert stored
    assert {row["id"] for row in await pool.fetch("SELECT id FROM events_raw")} >= stored
