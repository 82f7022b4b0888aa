"""The tables of incidents: the same whatever the order, the batches and the repetitions of their events."""

import asyncio
import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.incidents import store
from em_agent.incidents.facts import load
from em_agent.integrations.pagerduty.events import to_incident_event
from em_agent.kit.postgres import Pool
from em_agent.search.incident_documents import index_incidents
from tests.deliveries import event, incident
from tests.domain.test_incidents import ADA, BO, histories, t
from tests.warehouse.test_odd_bodies import LONG

_TABLES = ("incident_events", "incidents", "incident_episodes", "incident_notes", "incident_assignments")


async def tables(pool: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    return {
        name: sorted((tuple(row) for row in await pool.fetch(f"SELECT * FROM {name}")), key=repr) for name in _TABLES
    }


def _of(events: list[IncidentEvent], incident_id: str, base: int) -> list[IncidentEvent]:
    return [replace(event, incident_id=incident_id, event_id=base + event.event_id) for event in events]


@settings(max_examples=25)
@given(first=histories(), second=histories(), seed=st.integers(0, 1000))
async def test_any_order_batches_and_repetition(
    pool: Pool, first: list[IncidentEvent], second: list[IncidentEvent], seed: int
) -> None:
    """Events of two incidents in any order, repeated, in any batches, give what all of them at once give."""
    events = _of(first, "P1", 0) + _of(second, "P2", 100)
    choose = random.Random(seed)
    scattered = choose.sample(events + events, 2 * len(events))
    async with pool.acquire() as connection:
        await _clear(connection)
        await store.apply(connection, events)
        expected = await tables(connection)
        await _clear(connection)
        while scattered:
            size = choose.randint(1, 6)
            await store.apply(connection, scattered[:size])
            del scattered[:size]
        assert await tables(connection) == expected


async def test_everything_comes_back(pool: Pool) -> None:
    """An event that is read back from its row is the one that was written."""
    snapshot = Snapshot(
        number=42, title="tïtle 🔥", url="https://x", urgency="high", created_at=t(0), service=Ref("S", "Service", "service_reference"),
        escalation_policy=Ref("E", None), priority=Ref(None, "P1"), is_priority_stated=True, teams=(Ref("T", "Team"),),
        assignees=(ADA, BO), resolve_reason="merge_resolve_reason", merged_into="P9", status="acknowledged", status_at=t(1),
    )  # fmt: skip
    plain = IncidentEvent(7, "P1", "pagerduty", "d7", "triggered", t(0), None, t(1))
    full = IncidentEvent(
        8, "P1", "pagerduty", "d8", "resolved", t(2), t(2), t(3), is_clock_suspect=True, actor=ADA, text="text",
        snapshot=snapshot, note=Note("N", "content", is_trimmed=True),
    )  # fmt: skip
    async with pool.acquire() as connection:
        await store.apply(connection, [plain, full])
        assert sorted((await load(connection, ["P1"]))["P1"], key=lambda event: event.event_id) == [plain, full]


async def test_names_that_no_index_takes(pool: Pool) -> None:
    """An authentic event with names of any length is stored and found; only the end of such a name is lost."""
    reference = {"id": LONG[:200], "type": "reference", "summary": LONG}
    names = dict.fromkeys(("service", "priority", "escalation_policy"), reference)
    document = event("triggered", 0, data=incident("P1", **names, teams=[reference], assignees=[reference]))
    stored = StoredEvent(1, "pagerduty", "incident.triggered", "d1", t(0), t(0))
    told = to_incident_event(stored, document)
    assert told is not None
    async with pool.acquire() as connection:
        await store.apply(connection, [told])
        await index_incidents(connection, ["P1"])
        row = await connection.fetchrow("SELECT service, priority, teams[1] AS team FROM incidents")
        assert await connection.fetchval("SELECT count(*) FROM search.documents") == 1
    assert row is not None
    assert all(LONG.startswith(name) and len(name) > 255 for name in row.values())


async def test_two_writers_of_the_same_incidents(pool: Pool) -> None:
    """Writers with events of the same incidents in opposite orders neither deadlock nor overwrite each other."""
    names = [f"P{n}" for n in range(30)]

    def events(kind: str, base: int) -> list[IncidentEvent]:
        return [
            IncidentEvent(
                base + n, name, "pagerduty", f"d{base + n}", kind, t(base), t(base), t(base), snapshot=Snapshot()
            )
            for n, name in enumerate(names)
        ]

    async def write(kind: str, base: int, *, is_reversed: bool) -> None:
        todo = events(kind, base)
        if is_reversed:
            todo.reverse()
        async with pool.acquire() as connection:
            for begin in range(0, len(todo), 10):
                await store.apply(connection, todo[begin : begin + 10])

    async with asyncio.timeout(20):
        await asyncio.gather(
            write("triggered", 0, is_reversed=False),
            write("acknowledged", 100, is_reversed=True),
            write("resolved", 200, is_reversed=False),
        )
    rows = await pool.fetch("SELECT status, time_to_acknowledge_seconds, time_to_resolve_seconds FROM incidents")
    assert [tuple(row) for row in rows] == [("resolved", 100.0, 200.0)] * len(names)


async def test_forgets_what_has_no_facts(pool: Pool) -> None:
    """An incident is folded from the facts that are left, and goes with the last of them."""
    async with pool.acquire() as connection:
        await store.apply(
            connection,
            [
                IncidentEvent(1, "P1", "pagerduty", "a", "triggered", t(0), t(0), t(0)),
                IncidentEvent(2, "P1", "pagerduty", "b", "resolved", t(9), t(9), t(9)),
                IncidentEvent(3, "P2", "pagerduty", "c", "triggered", t(0), t(0), t(0)),
            ],
        )
        await connection.execute("DELETE FROM incident_events WHERE event_id IN (2, 3)")
        await store.refold(connection, ["P1", "P2"])
        rows = await connection.fetch("SELECT id, status FROM incidents")
        episodes = await connection.fetch("SELECT incident_id FROM incident_episodes")
    assert [tuple(row) for row in rows] == [("P1", "triggered")]
    assert [tuple(row) for row in episodes] == [("P1",)]


async def _clear(connection: Any) -> None:
    await connection.execute(f"TRUNCATE {', '.join(_TABLES)}")
