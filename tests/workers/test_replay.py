"""Everything that is derived comes out of the record again."""

import pytest

from em_agent.domain.deliveries import Delivery
from em_agent.domain.incidents import IncidentEvent
from em_agent.events import history
from em_agent.events.record import Recorder
from em_agent.incidents import store
from em_agent.integrations.pagerduty.webhook import SOURCE
from em_agent.integrations.registry import INCIDENT_READERS
from em_agent.kit import json
from em_agent.kit.postgres import Connection, Pool
from em_agent.workers import replay
from tests.deliveries import body_of, event, incident
from tests.warehouse.lives import lives, told

KEYS = {
    "incident_events": "event_id",
    "incidents": "id",
    "incident_episodes": "incident_id, ordinal",
    "incident_notes": "incident_id, event_id",
    "incident_assignments": "incident_id, assignee_id, assigned_at",
}
KINDS = ("triggered", "acknowledged", "resolved", "reopened", "escalated", "resolved")


async def _tables(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY {key}")]
        for table, key in KEYS.items()
    }


async def _record(url: str, incidents: int) -> None:
    async with Recorder(url, queue_limit=1000) as recorder:
        for number in range(incidents):
            for place, kind in enumerate(KINDS):
                body = body_of(event(kind, 60.0 * place, data=incident(f"P{number}", number=number)))
                document = json.loads(body)
                await recorder.record(
                    Delivery(
                        "pagerduty",
                        SOURCE.delivery_id(document) or "",
                        body,
                        SOURCE.event_type(document),
                        SOURCE.occurred_at(document),
                    )
                )


async def _apply_live(connection: Connection) -> None:
    """What the worker does as events arrive."""
    for stored, document in await history.page(
        connection, after=0, until=2**62, limit=10_000, sources=list(INCIDENT_READERS)
    ):
        fact = INCIDENT_READERS[stored.source](stored, document)
        assert fact is not None
        await store.apply(connection, [fact])


async def test_replay_equals_live(database_url: str, pool: Pool) -> None:
    """Out of empty tables, a replay makes what the worker made event by event."""
    await _record(database_url, incidents=7)
    async with pool.acquire() as connection:
        await _apply_live(connection)
        live = await _tables(connection)
        await connection.execute(f"TRUNCATE {', '.join(KEYS)}")
        await replay.replay_incidents(connection, lambda *_: None)
        assert await _tables(connection) == live
        assert len(live["incidents"]) == 7


async def test_replay_of_history(database_url: str, pool: Pool) -> None:
    """What was read over REST is rebuilt as what was sent is."""
    invented = lives(seed=8, incidents=25)
    async with Recorder(database_url, queue_limit=1000) as recorder:
        for row in (row for life in invented for row in told(life, seed=8)):
            name, body, occurred_at, _, source = (*row, "pagerduty")[:5]
            await recorder.record(Delivery(source, name, body.encode(), None, occurred_at))
    async with pool.acquire() as connection:
        await _apply_live(connection)
        live = await _tables(connection)
        await connection.execute(f"TRUNCATE {', '.join(KEYS)}")
        await replay.replay_incidents(connection, lambda *_: None)
        assert await _tables(connection) == live
        assert len(live["incidents"]) == len(invented)
        assert {row[2] for row in live["incident_events"]} == set(INCIDENT_READERS)


async def test_replay_leaves_what_is_right(database_url: str, pool: Pool) -> None:
    """Over tables that are right already, a replay changes nothing."""
    await _record(database_url, incidents=3)
    async with pool.acquire() as connection:
        await _apply_live(connection)
        live = await _tables(connection)
        await replay.replay_incidents(connection, lambda *_: None)
        assert await _tables(connection) == live


async def test_replay_forgets_what_the_record_does_not_have(database_url: str, pool: Pool) -> None:
    """A fact without its event goes, and an incident without facts with it."""
    await _record(database_url, incidents=1)
    async with pool.acquire() as connection:
        await _apply_live(connection)
        right = await _tables(connection)
        first = (await history.page(connection, after=0, until=2**62, limit=1, sources=[]))[0][0]
        ghost = IncidentEvent(
            first.id + 1000, "GHOST", "pagerduty", "ghost", "triggered", first.received_at, None, first.received_at
        )
        await connection.execute(
            "INSERT INTO events_raw (id, source, delivery_id, payload) VALUES (5000, 'x', 'x', '{}')"
        )
        await store.apply(connection, [ghost])
        await replay.replay_incidents(connection, lambda *_: None)
        assert await _tables(connection) == right


async def test_an_interrupted_replay_goes_on(database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is interrupted, the next call goes on there and comes to the same end."""
    monkeypatch.setattr(replay, "EVENTS_AT_ONCE", 5)
    monkeypatch.setattr(replay, "INCIDENTS_AT_ONCE", 2)
    await _record(database_url, incidents=5)
    async with pool.acquire() as connection:
        await _apply_live(connection)
        live = await _tables(connection)
        await connection.execute(f"TRUNCATE {', '.join(KEYS)}")
        interruptions = 0
        seen: list[tuple[str, int]] = []
        while interruptions < 50:
            try:
                await replay.replay_incidents(connection, _Interrupted(seen))
                break
            except KeyboardInterrupt:
                interruptions += 1
        assert interruptions > 5
        assert [stage for stage, _ in seen] == sorted([stage for stage, _ in seen])
        assert await _tables(connection) == live


class _Interrupted:
    """Interrupts each time that there was progress since the call began."""

    def __init__(self, seen: list[tuple[str, int]]) -> None:
        self._seen = seen
        self._calls = 0

    def __call__(self, stage: str, done: int, _: int) -> None:
        self._calls += 1
        if self._calls == 2:
            self._seen.append((stage, done))
            raise KeyboardInterrupt
