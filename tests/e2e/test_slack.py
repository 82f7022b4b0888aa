"""Slack with the product's own processes: from the slash command and the webhook to the message, through kills."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import httpx2
import pytest

from em_agent.kit.postgres import Pool
from tests.deliveries import body_of, event, incident, signed
from tests.fake_slack import FakeSlack
from tests.processes import ready, roles_on
from tests.waiting import eventually

pytestmark = pytest.mark.slow

RULES = """
slack:
  announce:
    - when: {service: "Production*"}
      channel: CPRODUCTION
"""


async def test_killed_between_acknowledgement_and_answer(
    database_url: str, nats_url: str, pool: Pool, tmp_path: Path
) -> None:
    """Commands are acknowledged while answers hang, and each is answered once although the worker is killed twice."""
    async with FakeSlack() as slack, roles_on(database_url, nats_url, tmp_path / "roles") as roles:
        url = roles.start_gateway("gateway", **slack.settings)
        roles.start("slack", "worker", "slack", **slack.settings)
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            await ready(client, url)
        blocker = await asyncpg.connect(database_url)
        hold = blocker.transaction()
        await hold.start()
        await blocker.execute("LOCK TABLE incidents IN ACCESS EXCLUSIVE MODE")
        acks = [await slack.command(url, "incidents") for _ in range(5)]
        assert all(ack.is_timely and ack.seconds < 1 for ack in acks)
        for attempt in (1, 2):
            await eventually(partial(_attempts, pool, attempt), 40)
            roles.kill("slack")
            roles.start("slack")
        await eventually(lambda: _attempts(pool, 3), 40)
        assert slack.conversations.said == []
        await hold.rollback()
        await blocker.close()
        await eventually(lambda: _is_idle(pool), 40)
        assert len(slack.conversations.private()) == 5
        assert slack.problems == []
        assert roles.stop("slack") == 0
        assert roles.stop("gateway") == 0


async def test_from_webhook_to_channel(database_url: str, nats_url: str, tmp_path: Path) -> None:
    """An incident's webhook becomes a message in the channel of its rule, and its acknowledgement changes that."""
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    async with FakeSlack() as slack, roles_on(database_url, nats_url, tmp_path / "roles") as roles:
        url = roles.start_gateway("gateway", **slack.settings)
        roles.start("relay", "relay", "incidents", "search", EMBEDDINGS_URL="none")
        roles.start(
            "slack",
            "worker",
            "slack",
            EM_AGENT_CONFIG=str(tmp_path / "rules.yaml"),
            EMBEDDINGS_URL="none",
            **slack.settings,
        )
        async with httpx2.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
            await ready(client, url)
            await ready(client, url, "/readyz/ingest")
            await eventually(lambda: _announces(database_url), 40)
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            for kind in ("triggered", "acknowledged"):
                document = event(kind, data=incident("PNEW1", title="Disk is full", created_at=now))
                document["event"]["occurred_at"] = now
                body = body_of(document)
                answer = await client.post("/webhooks/pagerduty", content=body, headers=signed(body))
                assert answer.status_code == 200
                await asyncio.sleep(0)
            [said] = await eventually(lambda: slack.conversations.public("CPRODUCTION"), 40)
            await eventually(lambda: "acknowledged" in said.text, 40)
            assert "Disk is full" in said.words
            assert slack.problems == []


async def _attempts(pool: Pool, count: int) -> bool:
    return bool(await pool.fetchval("SELECT count(*) = 5 FROM slack_jobs WHERE attempts >= $1", count))


async def _is_idle(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT count(*) = 0 FROM slack_jobs WHERE finished_at IS NULL"))


async def _announces(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT count(*) = 1 FROM slack_announcing"))
    finally:
        await connection.close()
