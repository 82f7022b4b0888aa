"""Everything is killed at random under load: every acknowledged delivery is kept once, and has its effect once."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import structlog

from em_agent.domain.consumers import CONSUMERS
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool, migrate, open_pool
from tests.deliveries import body_of, event, incident, signed
from tests.parts import StandIn, running
from tests.processes import Roles, ready, roles_on
from tests.servers import OwnServer, own_nats, own_postgres
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(170)]

SECONDS_OF_TROUBLE = 18.0
KINDS = ("triggered", "acknowledged", "escalated", "annotated", "resolved")

log = structlog.get_logger()


@dataclass
class Senders:
    """PagerDuty, as far as it matters here: it sends until it has a 2xx, and now and then once more."""

    client: httpx2.AsyncClient
    urls: list[str]
    seed: int
    acknowledged: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    sent: int = 0
    is_over: bool = False

    async def run(self, number: int) -> None:
        """Send one delivery after the other."""
        choose = random.Random(self.seed + number)
        known: list[tuple[str, bytes]] = []
        while not self.is_over:
            if known and choose.random() < 0.3:
                name, body = choose.choice(known)
            else:
                name = f"d{number}-{self.sent}"
                self.sent += 1
                document = event(
                    choose.choice(KINDS),
                    choose.randint(0, 3600),
                    delivery_id=name,
                    data=incident(f"P{choose.randint(1, 40)}"),
                )
                body = body_of(document)
                known.append((name, body))
            is_forged = choose.random() < 0.05
            await self._send(choose, name, body, is_forged=is_forged)
            await asyncio.sleep(0.005)

    async def _send(self, choose: random.Random, name: str, body: bytes, *, is_forged: bool) -> None:
        if is_forged:
            body = body.replace(name.encode(), b"forged-" + name.encode())
        headers = signed(body, *(["guessed"] if is_forged else []))
        while True:
            url = choose.choice(self.urls)
            try:
                answer = await self.client.post(f"{url}/webhooks/pagerduty", content=body, headers=headers)
            except httpx2.HTTPError:
                answer = None
            if answer is not None and is_forged:
                if answer.status_code != 401:
                    self.wrong.append(f"forged {name}: {answer.status_code} {answer.text}")
                return
            if answer is not None and answer.status_code == 200:
                event_id = answer.json()["id"]
                if self.acknowledged.setdefault(name, event_id) != event_id:
                    self.wrong.append(f"{name}: {event_id} and {self.acknowledged[name]}")
                return
            if answer is not None and answer.status_code != 503:
                self.wrong.append(f"{name}: {answer.status_code} {answer.text}")
            if self.is_over:
                return
            await asyncio.sleep(0.1)


async def _trouble(choose: random.Random, roles: Roles, postgres: OwnServer, nats: OwnServer) -> None:
    """Kill something, wait, start it again; each of them at least once."""
    names = [
        "gateway 1",
        "gateway 2",
        "relay 1",
        "relay 2",
        "worker 1",
        "worker 2",
        "postgres",
        "nats",
        "wipe",
        "everything",
    ]
    plan = choose.sample(names, len(names))
    until = asyncio.get_running_loop().time() + SECONDS_OF_TROUBLE
    while asyncio.get_running_loop().time() < until or plan:
        victim = plan.pop() if plan else choose.choice(names)
        log.warning("test.kills", victim=victim)
        await asyncio.sleep(choose.uniform(0.1, 0.6))
        everyone = [name for name in names if " " in name]
        if victim == "everything":
            for name in everyone:
                roles.kill(name)
        if victim in {"postgres", "everything"}:
            postgres.kill()
        if victim == "nats" or (victim == "everything" and choose.random() < 0.5):
            nats.kill()
        if victim == "wipe":
            nats.wipe()
        if " " in victim:
            roles.kill(victim)
        await asyncio.sleep(choose.uniform(0.0, 0.5))
        if victim in {"postgres", "everything"}:
            await postgres.start()
        if victim in {"nats", "wipe", "everything"}:
            with contextlib.suppress(ProcessLookupError):
                nats.kill()
            await nats.start()
        for name in everyone:
            if not roles.is_running(name):
                roles.start(name)


async def _check(pool: Pool, senders: Senders) -> None:
    rows = await pool.fetch("SELECT id, delivery_id FROM events_raw")
    kept = {row["delivery_id"]: row["id"] for row in rows}
    assert len(kept) == len(rows)
    assert senders.wrong == []
    assert senders.acknowledged.items() <= kept.items(), "an acknowledged delivery is gone"
    assert not [name for name in kept if name.startswith("forged")]
    facts = await pool.fetch("SELECT event_id FROM incident_events")
    assert len(facts) == len(rows)
    assert {row["event_id"] for row in facts} == set(kept.values())
    assert await pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == 0


async def test_random_kills(tmp_path: Path) -> None:
    """Under kill -9 of every part and a wiped NATS every delivery that got a 2xx is there once and in effect once."""
    async with (
        own_postgres(tmp_path / "pg") as postgres,
        own_nats(tmp_path / "nats") as nats,
        roles_on(postgres.url, nats.url, tmp_path / "roles") as roles,
        httpx2.AsyncClient(trust_env=False, timeout=6) as client,
    ):
        await migrate(postgres.url)
        senders = Senders(client, [roles.start_gateway(f"gateway {n}") for n in (1, 2)], seed=7)
        for n in (1, 2):
            roles.start(f"relay {n}", "relay")
            roles.start(f"worker {n}", "worker", "incidents")
        for url in senders.urls:
            await ready(client, url)
        async with _warehouse(nats.url):
            sending = [asyncio.create_task(senders.run(n)) for n in range(6)]
            await _trouble(random.Random(7), roles, postgres, nats)
            senders.is_over = True
            await asyncio.gather(*sending)
            for url in senders.urls:
                await ready(client, url)
            async with open_pool(postgres.url, name="test", size=2) as pool:
                await eventually(lambda: _is_settled(pool), 150)
                await _check(pool, senders)
        assert len(senders.acknowledged) > 200


async def _is_settled(pool: Pool) -> bool:
    missing = await pool.fetchval(
        "SELECT count(*) FROM events_raw AS e WHERE NOT EXISTS (SELECT FROM incident_events AS f WHERE f.event_id = e.id)"
    )
    return not missing and not await pool.fetchval("SELECT count(*) FROM outbox")


@contextlib.asynccontextmanager
async def _warehouse(nats_url: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """The other consumer, so that the outbox lets go of what is finished."""
    async with open_client(nats_url, name="stand-in") as client, running(StandIn(client, CONSUMERS[1]).run()):
        yield
