"""Deliveries of GitHub, Jira and CI systems through the real front door."""

import json
from collections import Counter

import httpx2
from starlette.types import Scope

from em_agent.demo.delivery.plan import DeliveryPlan, Proofs
from em_agent.demo.delivery.trouble import make_deliveries
from em_agent.demo.send import send
from em_agent.demo.year import make_year
from em_agent.events.record import Recorder
from em_agent.gateway.endpoint import Endpoint
from em_agent.gateway.webhooks import WebhookGateway
from em_agent.integrations.registry import SOURCES
from em_agent.integrations.source import WebhookSource
from em_agent.kit.postgres import Pool
from tests.demo.conftest import END

SECRETS = {"github": "of-github", "jira": "of-jira"}


def _endpoint(source: WebhookSource) -> Endpoint:
    """The source as it is served where an API key is asked for."""
    secrets = [SECRETS[source.name].encode()] if source.name in SECRETS else []
    return Endpoint(
        source, secrets, source.body_limit_bytes, takes_unsigned=False, guard=None if source.signature else _has_key
    )


def _has_key(scope: Scope) -> tuple[int, str] | None:
    return None if (b"authorization", b"Bearer a-key") in scope["headers"] else (401, "Give a key.")


async def test_the_gateway_takes_them_all(pool: Pool, database_url: str) -> None:
    """Each is taken as the plan says, is on record once with an event type that its vendor has, and again a duplicate."""
    deliveries = make_deliveries(make_year(END, seed=3, incidents=120, days=30))
    plan = DeliveryPlan(deliveries, Proofs(SECRETS["github"], SECRETS["jira"], "a-key"))
    endpoints = {name: _endpoint(source) for name, source in SOURCES.items()}
    async with Recorder(database_url, queue_limit=2000) as recorder:
        transport = httpx2.ASGITransport(WebhookGateway(endpoints, recorder, pool))
        tally = await send(plan.deliveries(), "http://gateway.test", transport=transport)
        assert tally.surprises == []
        assert tally.answers == {"ok": len(plan)}
        again = await send(plan.deliveries(), "http://gateway.test", is_resumed=True, transport=transport)
        assert again.answers == {"duplicate": len(plan)}
    rows = await pool.fetch("SELECT source, event_type, occurred_at FROM events_raw")
    kinds = Counter(row["source"] for row in rows)
    assert set(kinds) == {"github", "jira", "deployment"}
    for row in rows:
        assert row["event_type"] in SOURCES[row["source"]].event_types
        assert row["occurred_at"] is not None


def test_a_plan_is_the_same_again() -> None:
    """The same year gives the same bytes: an interrupted demo goes on with what it has sent."""
    year = make_year(END, seed=3, incidents=30, days=30)
    one, other = (
        [delivery.body for delivery in DeliveryPlan(make_deliveries(year), Proofs("a", "b")).deliveries()]
        for _ in range(2)
    )
    assert one == other
    assert all(json.loads(body) for body in one)
