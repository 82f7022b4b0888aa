# ruff: noqa: F811 - fixtures are imported, and then parameters
"""What is old goes whole, and all that is derived is as if it had never been."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from em_agent.app import scheduled
from em_agent.connectors.retention import Counts, Retention
from em_agent.domain.documents import Document, Passage
from em_agent.errors import RetriableError
from em_agent.events import history
from em_agent.incidents import store
from em_agent.integrations.registry import INCIDENT_READERS
from em_agent.kit import locks
from em_agent.kit.postgres import Connection, Pool
from em_agent.search import store as index
from em_agent.search.incident_documents import document_id
from em_agent.services import open_connectors
from em_agent.settings import load_settings
from em_agent.workers.replay import replay_incidents
from em_agent.workers.search import index_batch
from em_agent.workers.transformer import Transformer
from tests.conftest import dbt_directory
from tests.marts import database_url  # noqa: F401 - a fixture
from tests.parts import running
from tests.waiting import eventually
from tests.warehouse.lives import lives, told

NOW = datetime.now(UTC)
PAYLOADS = Path(__file__).parents[1] / "integrations"
DERIVED = (
    "incident_events", "incidents", "incident_episodes", "incident_notes", "incident_assignments",
    "warehouse.stg_pagerduty__incident_events", "warehouse.fct_incidents", "warehouse.fct_incident_episodes",
    "warehouse.fct_incidents_received", "warehouse.dim_services", "warehouse.stg_github__issue_events",
    "warehouse.stg_github__deployments", "warehouse.stg_github__pushes", "warehouse.fct_issues",
    "warehouse.fct_deployments", "warehouse.int_commits__placed", "warehouse.fct_incident_issues",
)  # fmt: skip


class Rebuild:
    """Builds the marts anew, in this process, and counts how often."""

    def __init__(self, transformer: Transformer) -> None:
        self._transformer = transformer
        self.count = 0
        self.failure: Exception | None = None

    async def __call__(self) -> None:
        """Build them, or fail as told."""
        if self.failure is not None:
            raise self.failure
        self.count += 1
        await self._transformer.run(full_refresh=True)


@pytest.fixture
def transformer(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    """What keeps the marts."""
    return Transformer(database_url, dbt_directory(tmp_path_factory))


@pytest.fixture
def rebuild(transformer: Transformer) -> Rebuild:
    """What a run ends with."""
    return Rebuild(transformer)


async def _put(pool: Pool, name: str, body: str, received_at: datetime, source: str, kind: str) -> int:  # noqa: PLR0913
    return int(
        await pool.fetchval(
            "WITH e AS (INSERT INTO events_raw (delivery_id, payload, occurred_at, received_at, source, event_type) "
            "VALUES ($1, $2::text::json, $3, $3, $4, $5) RETURNING id, source) "
            "INSERT INTO outbox (event_id, source) SELECT id, source FROM e RETURNING event_id",
            name, body, received_at, source, kind,
        )
    )  # fmt: skip


async def _put_incident(pool: Pool, incident_id: str, days: Sequence[float]) -> list[int]:
    """An incident whose events were so many days ago."""
    kinds = ("triggered", "acknowledged", "resolved")
    service = {"id": f"S{incident_id}", "type": "service_reference", "summary": f"Service of {incident_id}"}
    data = {"id": incident_id, "type": "incident", "title": f"Trouble of {incident_id}", "service": service}
    ids = []
    for kind, ago in zip(kinds, days, strict=False):
        at = NOW - timedelta(days=ago)
        body = {"event": {"event_type": f"incident.{kind}", "occurred_at": at.isoformat(), "data": data}}
        ids.append(await _put(pool, f"{incident_id}-{kind}", json.dumps(body), at, "pagerduty", f"incident.{kind}"))
    return ids


async def _put_github(pool: Pool, payload: str, days: float) -> int:
    text = (PAYLOADS / f"github/payloads/{payload}.json").read_text(encoding="utf-8")
    return await _put(
        pool, f"{payload}-{days}", text, NOW - timedelta(days=days), "github", payload.split("--", maxsplit=1)[0]
    )


async def _take_in(pool: Pool, transformer: Transformer) -> None:
    """Do what the workers do with all that is in the outbox, which is empty then."""
    async with pool.acquire() as connection:
        for stored, document in await history.page(
            connection, after=0, until=2**62, limit=100_000, sources=list(INCIDENT_READERS)
        ):
            read = INCIDENT_READERS.get(stored.source)
            fact = read(stored, document) if read is not None else None
            if fact is not None:
                await store.apply(connection, [fact])
        await transformer.run()
        await connection.execute("DELETE FROM outbox")
        await _index(connection)


async def _index(connection: Connection) -> None:
    while await index_batch(connection):
        pass


async def _derived(connection: Connection) -> dict[str, Any]:
    found = {}
    for table in DERIVED:
        rows = await connection.fetch(f"SELECT (to_jsonb(t) - 'transformed_at')::text AS row FROM {table} AS t")
        found[table] = sorted(row["row"] for row in rows)
    found["documents"] = sorted(row["id"] for row in await connection.fetch("SELECT id FROM search.documents"))
    return found


async def _ids(pool: Pool) -> set[int]:
    return {row["id"] for row in await pool.fetch("SELECT id FROM events_raw")}


async def test_a_replay_afterwards_changes_nothing(
    database_url: str,
    pool: Pool,
    transformer: Transformer,
    rebuild: Rebuild,
) -> None:
    """Of random histories, webhooks and REST, what is newer stays to the last event, and all derived is as rebuilt."""
    for row in (row for life in lives(seed=5, incidents=40) for row in told(life, seed=5)):
        name, body, occurred_at, received_at, source = (*row, "pagerduty")[:5]
        await pool.execute(
            "WITH e AS (INSERT INTO events_raw (delivery_id, payload, occurred_at, received_at, source) "
            "VALUES ($1, $2::text::json, $3, $4, $5) RETURNING id, source) "
            "INSERT INTO outbox (event_id, source) SELECT id, source FROM e",
            name, body, occurred_at, received_at, source,
        )  # fmt: skip
    for payload, days in (("push", 100), ("push--forced", 1), ("deployment_status.created--success", 99), ("ping", 98)):
        await _put_github(pool, payload, days)
    await _take_in(pool, transformer)
    middle = await pool.fetchval("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY last_event_at) FROM incidents")
    remaining = {row["id"] for row in await pool.fetch("SELECT id FROM incidents WHERE last_event_at >= $1", middle)}
    events = await pool.fetchval("SELECT count(*) FROM incident_events WHERE incident_id = ANY($1)", list(remaining))
    counts = await Retention(database_url, 1, rebuild).look(middle + timedelta(days=1))
    assert counts is not None
    assert 0 < counts.incidents == 40 - len(remaining)
    async with pool.acquire() as connection:
        await _index(connection)
        kept = await _derived(connection)
        assert {row["id"] for row in await connection.fetch("SELECT id FROM incidents")} == remaining
        assert len(kept["incident_events"]) == events
        assert kept["documents"] == sorted(document_id(incident_id) for incident_id in remaining)
        await replay_incidents(connection, lambda *_: None)
        await transformer.run(full_refresh=True)
        await _index(connection)
        assert await _derived(connection) == kept


async def test_things_go_whole(database_url: str, pool: Pool, transformer: Transformer, rebuild: Rebuild) -> None:
    """An incident, an issue, a deployment with one new event keeps all; without one it goes with all of its events."""
    mixed = await _put_incident(pool, "PMIXED", (40, 39, 1))
    old = await _put_incident(pool, "POLD", (40, 39, 38))
    issue = [await _put_github(pool, "issues.opened", 50), await _put_github(pool, "issues.closed", 2)]
    deployment = [await _put_github(pool, f"deployment_status.created--{state}", 45) for state in ("in_progress",)]
    silent = [await _put_github(pool, "ping", 41), await _put_github(pool, "release.published", 31)]
    recent = [await _put_github(pool, "workflow_run.completed", 29)]
    await _take_in(pool, transformer)
    counts = await Retention(database_url, 30, rebuild).look(NOW)
    assert counts == Counts(incidents=1, events=len(old + deployment + silent))
    assert await _ids(pool) == {*mixed, *issue, *recent}
    assert await pool.fetchval("SELECT count(*) FROM warehouse.fct_incidents") == 1
    assert await pool.fetchval("SELECT count(*) FROM warehouse.fct_deployments") == 0
    assert await pool.fetchval("SELECT count(*) FROM warehouse.dim_services") == 1


async def test_what_is_not_done_with_stays(
    database_url: str,
    pool: Pool,
    transformer: Transformer,
    rebuild: Rebuild,
) -> None:
    """An old event in the outbox stays, and with it all of its incident; so does one that was given up on lately."""
    old = await _put_incident(pool, "POLD", (40, 39, 38))
    ping = await _put_github(pool, "ping", 40)
    failed = await _put_github(pool, "release.published", 40)
    await _take_in(pool, transformer)
    await pool.execute("INSERT INTO outbox VALUES ($1, 'pagerduty'), ($2, 'github')", old[0], ping)
    await pool.execute(
        "INSERT INTO dead_letters (consumer, event_id, source, delivery_id, error, attempts) "
        "VALUES ('incidents', $1, 'github', 'd', 'e', 1)",
        failed,
    )
    assert await Retention(database_url, 30, rebuild).look(NOW) == Counts()
    assert await _ids(pool) == {*old, ping, failed}
    assert rebuild.count == 0


async def test_what_people_entered(
    database_url: str,
    pool: Pool,
    transformer: Transformer,
    rebuild: Rebuild,
) -> None:
    """Own documents stay however old; what was said of an incident goes with it, and stays with one that remains."""
    await _put_incident(pool, "POLD", (40, 39, 38))
    await _put_incident(pool, "PNEW", (3, 2, 1))
    await _take_in(pool, transformer)
    async with pool.acquire() as connection:
        await index.index(
            connection, [Document("mine", "wiki", "Old", (Passage("paragraph", "text"),), at=NOW - timedelta(days=999))]
        )
        await connection.execute(
            "INSERT INTO incident_deployments_by_hand VALUES ('POLD', 'd', true), ('PNEW', 'd', true)"
        )
        await Retention(database_url, 30, rebuild).look(NOW)
        await _index(connection)
    said = await pool.fetch("SELECT incident_id FROM incident_deployments_by_hand")
    assert [row["incident_id"] for row in said] == ["PNEW"]
    documents = await pool.fetch("SELECT id FROM search.documents ORDER BY id")
    assert [row["id"] for row in documents] == ["mine", document_id("PNEW")]


async def test_quarantine_and_dead_letters_age(database_url: str, pool: Pool, rebuild: Rebuild) -> None:
    """Old ones go: an unresolved dead letter once its event is gone; younger ones stay."""
    for name, days in (("a", 40), ("b", 3)):
        at = NOW - timedelta(days=days)
        await pool.execute(
            "INSERT INTO quarantine (source, body_sha256, body, reason, received_at) VALUES ('jira', $1, '', 'r', $2)",
            name,
            at,
        )
        await pool.execute(
            "INSERT INTO dead_letters (consumer, event_id, source, delivery_id, error, attempts, failed_at) "
            "VALUES ('incidents', 999999, 'jira', $1, 'e', 1, $2), ('gone', 999998, 'jira', $1, 'e', 1, $2) "
            "ON CONFLICT (consumer, event_id) DO UPDATE SET event_id = excluded.event_id + 10",
            name, at,
        )  # fmt: skip
    counts = await Retention(database_url, 30, rebuild).look(NOW)
    assert counts is not None
    assert counts.quarantined == 1
    assert [row["body_sha256"] for row in await pool.fetch("SELECT body_sha256 FROM quarantine")] == ["b"]
    assert await pool.fetchval("SELECT count(*) FROM dead_letters WHERE failed_at < $1", NOW - timedelta(days=30)) == 0


async def test_once_a_day_and_one_at_a_time(database_url: str, pool: Pool, rebuild: Rebuild) -> None:
    """A copy passes over what another does, and over what was done today; with other days it is due at once."""
    retention = Retention(database_url, 30, rebuild)
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", locks.RETENTION)
        assert await retention.look(NOW) is None
        await connection.execute("SELECT pg_advisory_unlock($1)", locks.RETENTION)
    assert await retention.look(NOW) == Counts()
    assert await retention.look(NOW) is None
    assert await Retention(database_url, 20, rebuild).look(NOW) == Counts()
    await pool.execute("UPDATE progress SET updated_at = now() - interval '25 hours' WHERE name = 'retention'")
    assert await Retention(database_url, 20, rebuild).look(NOW) == Counts()


async def test_a_rebuild_that_failed_is_made_good(
    database_url: str,
    pool: Pool,
    transformer: Transformer,
    rebuild: Rebuild,
) -> None:
    """Where the marts could not be built anew after events went, the next look does it."""
    await _put_incident(pool, "POLD", (40, 39, 38))
    await _take_in(pool, transformer)
    rebuild.failure = RetriableError("no")
    with pytest.raises(RetriableError):
        await Retention(database_url, 30, rebuild).look(NOW)
    assert await pool.fetchval("SELECT count(*) FROM warehouse.fct_incidents") == 1
    rebuild.failure = None
    assert await Retention(database_url, 30, rebuild).look(NOW) == Counts()
    assert rebuild.count == 1
    assert await pool.fetchval("SELECT count(*) FROM warehouse.fct_incidents") == 0


async def test_before_the_marts_are_built(database_url: str, pool: Pool, rebuild: Rebuild) -> None:
    """Nothing goes while nobody knows what belongs together."""
    await _put_incident(pool, "POLD", (40, 39, 38))
    await pool.execute("DROP VIEW warehouse.int_issues__told CASCADE")
    with pytest.raises(RetriableError, match="not built yet"):
        await Retention(database_url, 30, rebuild).look(NOW)
    assert len(await _ids(pool)) == 3


async def test_runs_by_itself(database_url: str, pool: Pool, transformer: Transformer, rebuild: Rebuild) -> None:
    """Soon after its start what is old goes, without being asked."""
    await _put_incident(pool, "POLD", (40, 39, 38))
    await _take_in(pool, transformer)
    async with running(Retention(database_url, 30, rebuild, first_seconds=0).run()):
        await eventually(lambda: pool.fetchval("SELECT count(*) = 1 FROM progress WHERE name = 'retention'"))
    assert await _ids(pool) == set()


@pytest.mark.parametrize("days", [None, 30])
async def test_the_setting_starts_it(
    database_url: str, nats_url: str, monkeypatch: pytest.MonkeyPatch, days: int | None
) -> None:
    """The connectors let go what is older than the setting says, and nothing without it."""
    started = []

    async def run(retention: Retention) -> None:
        started.append(retention)

    monkeypatch.setattr(Retention, "run", run)
    environment = {"DATABASE_URL": database_url, "NATS_URL": nats_url}
    settings = load_settings(environment | ({"EM_AGENT_RETENTION_DAYS": str(days)} if days else {}))
    async with open_connectors(settings) as services, scheduled(services):
        await asyncio.sleep(0)
    assert len(started) == (days is not None)
