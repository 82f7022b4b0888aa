"""Events that tell of no incident, among those that do."""

import json

from nats.aio.client import Client

from em_agent.integrations.registry import SOURCES
from em_agent.kit.postgres import Pool
from em_agent.workers.replay import replay_incidents
from tests.deliveries import delivery, incident
from tests.parts import StandIn, gateway_on, relay_on, running, worker_on
from tests.payloads import payload_files
from tests.sending import body_of_case, named, proof
from tests.waiting import eventually

SECRET = "s3cr3t+/="
OTHERS = [source for source in SOURCES.values() if source.name != "pagerduty"]


async def test_a_flood_of_others_passes(database_url: str, nats_url: str, nats_client: Client, pool: Pool) -> None:
    """Every other source's events, long ones among them, leave incidents alone and the outbox soon, and spoil no replay."""
    secrets = {source.secret_env: SECRET for source in OTHERS if source.secret_env}
    async with (
        gateway_on(database_url, **secrets) as gateway,
        relay_on(database_url, nats_url),
        worker_on(pool, nats_url),
        running(StandIn(nats_client).run()),
    ):
        await gateway.store(delivery("triggered", data=incident("P1")))
        for source in OTHERS:
            for case in payload_files(source.name):
                body = body_of_case(source, case)
                headers = named(source, case) | proof(source, body, SECRET)
                assert (await gateway.post(body, headers, source.name)).json()["status"] == "ok"
        push = SOURCES["github"]
        for n in range(60):
            body = json.dumps({"ref": "refs/heads/main", "x": "y" * (n * 20_000)}).encode()
            answer = await gateway.post(body, named(push, "push") | proof(push, body, SECRET), "github")
            assert answer.json()["status"] == "ok"
        await gateway.store(delivery("resolved", 60, data=incident("P1")))
        await eventually(lambda: pool.fetchval("SELECT count(*) = 1 FROM incidents WHERE status = 'resolved'"))
        await eventually(lambda: pool.fetchval("SELECT count(*) = 0 FROM outbox"), 30)
    assert await pool.fetchval("SELECT count(*) FROM incident_events") == 2
    assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    async with pool.acquire() as connection:
        await replay_incidents(connection, lambda *_: None)
    assert await pool.fetchval("SELECT count(*) FROM incident_events") == 2
