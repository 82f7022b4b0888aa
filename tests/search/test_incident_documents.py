"""An incident's document: its words as people wrote them, the same for the same state, gone with its incident."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from em_agent.connectors.intake import take_in
from em_agent.domain.documents import Document
from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.incidents import pending, store
from em_agent.integrations.pagerduty.rows import incident_row
from em_agent.kit.postgres import Pool
from em_agent.search import incident_documents as documents
from em_agent.search import store as index
from em_agent.search.incident_documents import incident_documents, index_incidents

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = Ref("PADA", "Ada", "user_reference")
SNAPSHOT = Snapshot(
    number=42, title="Checkout is down", url="https://acme.example.com/incidents/P1", urgency="high", created_at=START,
    service=Ref("PSVC", "Checkout"), priority=Ref("PPRI", "P1"), is_priority_stated=True, teams=(Ref("PT", "Payments"),),
)  # fmt: skip


def told(event_id: int, kind: str, incident_id: str = "P1", **fields: Any) -> IncidentEvent:
    """An event, so many seconds after the start as its id says."""
    at = START.replace(minute=event_id % 60)
    return IncidentEvent(event_id, incident_id, "pagerduty", f"d{event_id}", kind, at, at, at, actor=ADA, **fields)


def noted(event_id: int, text: str, incident_id: str = "P1") -> IncidentEvent:
    """A note."""
    return told(event_id, "annotated", incident_id, text=text, note=Note(f"N{event_id}", text, is_trimmed=False))


async def document_of(pool: Pool, *events: IncidentEvent) -> Document:
    """The document of the incident P1, to which these happened."""
    async with pool.acquire() as connection:
        await store.apply(connection, [told(0, "triggered", snapshot=SNAPSHOT), *events])
        (document,) = await incident_documents(connection, ["P1", "P-unknown"])
    return document


async def marked(pool: Pool) -> list[str]:
    """The incidents that are marked."""
    return [row[0] for row in await pool.fetch("SELECT incident_id FROM search.pending_incidents ORDER BY 1")]


async def indexed(pool: Pool) -> list[str]:
    """The ids of the documents."""
    return [row[0] for row in await pool.fetch("SELECT id FROM search.documents ORDER BY 1")]


async def test_what_a_document_says(pool: Pool) -> None:
    """It has the incident's title, place and times, and who wrote what when."""
    resolution = told(30, "resolved", text="Rolled back to 41.")
    document = await document_of(pool, noted(5, "It was the deploy.\n\nRolling back."), resolution)
    assert (document.id, document.source, document.title) == ("pagerduty:incident:P1", "pagerduty", "Checkout is down")
    assert (document.number, document.service, document.teams, document.status) == (
        42,
        "Checkout",
        ("Payments",),
        "resolved",
    )
    assert (document.urgency, document.priority, document.at) == ("high", "P1", START)
    assert document.meta == {
        "incident_id": "P1", "number": 42, "service": "Checkout", "teams": ["Payments"], "status": "resolved",
        "urgency": "high", "priority": "P1", "merged_into": None, "triggered_at": "2026-03-01T12:00:00Z",
        "acknowledged_at": None, "resolved_at": "2026-03-01T12:30:00Z",
    }  # fmt: skip
    assert document.passages[0].kind == "title"
    words = " ".join(passage.text for passage in document.passages)
    assert "It was the deploy." in words
    assert "Rolling back." in words
    last = document.passages[-1]
    assert (last.text, last.author, last.at) == ("Rolled back to 41.", "Ada", START.replace(minute=30))


async def test_a_resolution_is_told_once(pool: Pool) -> None:
    """The text of a resolution that comes as a note too stands once; a status update stands."""
    document = await document_of(
        pool,
        told(7, "status_update_published", text="We are looking into it."),
        noted(29, "Resolution Note: restarted the pool"),
        told(30, "resolved", text="restarted the pool"),
    )
    assert [passage.text for passage in document.passages[1:]] == [
        "We are looking into it.",
        "Resolution Note: restarted the pool",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert('x')</script> <b>bold</b> &amp; ]]>",
        "🔥🧯 ملاحظة: تعطلت قاعدة البيانات \u202eabc",
        "'; DROP TABLE incidents; --",
        "x" * 100_000,
        "a sentence about the outage. " * 3_500,
    ],
)
async def test_notes_are_kept_as_they_are(pool: Pool, text: str) -> None:
    """Markup, emoji, right-to-left and 100 kB lose nothing but space at the edges of passages."""
    document = await document_of(pool, noted(5, text))
    assert "".join("".join(passage.text for passage in document.passages[1:]).split()) == "".join(text.split())
    assert all(passage.text in text for passage in document.passages[1:])
    async with pool.acquire() as connection:
        assert (await index_incidents(connection, ["P1"])).indexed == 1


async def test_a_note_of_nothing_is_no_passage(pool: Pool) -> None:
    """Notes and titles of whitespace alone make no passage; an incident without a title goes by its number."""
    async with pool.acquire() as connection:
        await store.apply(
            connection, [told(0, "triggered", snapshot=Snapshot(number=7, title=" \n")), noted(5, " \n\t\u2003 ")]
        )
        (document,) = await incident_documents(connection, ["P1"])
        assert (document.title, document.passages) == ("Incident #7", ())
        assert (await index_incidents(connection, ["P1"])).indexed == 1


@settings(max_examples=10)
@given(order=st.permutations(range(6)))
async def test_the_same_state_gives_the_same_document(pool: Pool, order: list[int]) -> None:
    """Whatever order the events came in, the document is the same, and the index finds it unchanged."""
    events = [
        told(0, "triggered", snapshot=SNAPSHOT), noted(5, "first"), noted(5 + 60, "same minute"), noted(9, "last"),
        told(10, "acknowledged"), told(30, "resolved", text="done"),
    ]  # fmt: skip
    async with pool.acquire() as connection:
        await store.apply(connection, events)
        (expected,) = await incident_documents(connection, ["P1"])
        await index_incidents(connection, ["P1"])
        await connection.execute("DELETE FROM incident_events; DELETE FROM incidents")
        for place in order:
            await store.apply(connection, [events[place]])
        assert await incident_documents(connection, ["P1"]) == [expected]
        assert (await index_incidents(connection, ["P1"])).unchanged == 1


async def test_an_incident_that_is_gone_leaves_the_index(pool: Pool) -> None:
    """Its document goes; that of a user stays, whatever its id."""
    async with pool.acquire() as connection:
        await store.apply(connection, [told(0, "triggered", snapshot=SNAPSHOT)])
        await index_incidents(connection, ["P1"])
        await index.index(connection, [Document("runbook", "runbooks", "How to restart")])
        await connection.execute("DELETE FROM incident_events")
        await store.refold(connection, ["P1"])
        assert await marked(pool) == ["P1"]
        await index_incidents(connection, ["P1"])
    assert await indexed(pool) == ["runbook"]
    assert await marked(pool) == []


async def test_folding_marks(pool: Pool) -> None:
    """Every incident of a batch is marked with its state, and indexing clears the marks."""
    async with pool.acquire() as connection:
        await store.apply(connection, [told(n, "triggered", f"P{n}", snapshot=SNAPSHOT) for n in range(5)])
        assert await marked(pool) == ["P0", "P1", "P2", "P3", "P4"]
        await index_incidents(connection, ["P3", "P1"])
    assert await marked(pool) == ["P0", "P2", "P4"]
    assert await indexed(pool) == ["pagerduty:incident:P1", "pagerduty:incident:P3"]


async def test_a_mark_made_meanwhile_stays(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes after the state was read is indexed again: its mark outlives the indexing."""
    read = incident_documents

    async def read_and_change(connection: Any, ids: Any) -> list[Document]:
        found = await read(connection, ids)
        async with pool.acquire() as other:
            await store.apply(other, [noted(9, "written meanwhile")])
        return found

    async with pool.acquire() as connection:
        await store.apply(connection, [told(0, "triggered", snapshot=SNAPSHOT)])
        monkeypatch.setattr(documents, "incident_documents", read_and_change)
        await index_incidents(connection, ["P1"])
        monkeypatch.undo()
        assert await marked(pool) == ["P1"]
        await index_incidents(connection, ["P1"])
    assert await marked(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM search.passages WHERE text = 'written meanwhile'") == 1


async def test_an_older_state_never_follows_a_newer_one(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two who index an incident the second waits for the first, and then reads."""
    read, reading, going_on = incident_documents, asyncio.Event(), asyncio.Event()

    async def read_slowly(connection: Any, ids: Any) -> list[Document]:
        found = await read(connection, ids)
        if not reading.is_set():
            reading.set()
            await going_on.wait()
        return found

    async def index() -> None:
        async with pool.acquire() as connection:
            await index_incidents(connection, ["P1"])

    async with pool.acquire() as connection:
        await store.apply(connection, [told(0, "triggered", snapshot=SNAPSHOT)])
        monkeypatch.setattr(documents, "incident_documents", read_slowly)
        first = asyncio.create_task(index())
        await reading.wait()
        await store.apply(connection, [noted(9, "the newer state")])
        second = asyncio.create_task(index())
        async with connection.transaction():
            assert await pending.claim(connection, 10) == []
        going_on.set()
        await asyncio.gather(first, second)
    assert await pool.fetchval("SELECT count(*) FROM search.passages WHERE text = 'the newer state'") == 1
    assert await marked(pool) == []


async def test_who_marks_never_waits_in_a_circle(pool: Pool) -> None:
    """Writers with the same incidents in opposite orders, and indexers of them, all come to an end."""
    ids = [f"P{n}" for n in range(12)]

    async def fold(order: list[str], base: int) -> None:
        for n in range(6):
            async with pool.acquire() as connection:
                await store.apply(connection, [noted(base + 100 * n + k, f"note {n}", i) for k, i in enumerate(order)])

    async def index(order: list[str]) -> None:
        for _ in range(6):
            async with pool.acquire() as connection:
                await index_incidents(connection, order)

    async with asyncio.timeout(30):
        await asyncio.gather(fold(ids, 0), fold(ids[::-1], 10_000), index(ids), index(ids[::-1]))
        async with pool.acquire() as connection:
            await index_incidents(connection, ids)
    assert await marked(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM search.passages WHERE text = 'note 5'") == 24


async def test_what_alerts_say(pool: Pool) -> None:
    """Where an incident was read with its alerts, they are passages, each of those that differ, also after later looks."""
    alerts: list[Any] = [
        {"summary": "Checkout is down"},
        {"summary": "Disk full", "body": {"details": {"error": "No space left on device", "tags": ["a"], "at": 97}}},
        {"summary": "Disk full", "body": {"details": {"error": "No space left on device", "tags": ["b"], "at": 97}}},
        {"summary": None, "body": {"details": "x" * 3000}, "created_at": "2026-03-01T12:00:00Z"},
        "nonsense",
        {"summary": 7, "body": []},
    ]
    seen = {"id": "P1", "title": "Checkout is down"}
    async with pool.acquire() as connection:
        await take_in(connection, [incident_row(seen, has_log=True, alerts=alerts)])
        await take_in(connection, [incident_row({**seen, "status": "resolved"}, has_log=True)])
        (document,) = await incident_documents(connection, ["P1"])
    found = [(passage.kind, passage.text) for passage in document.passages]
    assert found[:2] == [
        ("title", "Checkout is down"),
        ("paragraph", "Disk full\nat: 97\nerror: No space left on device"),
    ]
    assert "".join(text for _, text in found[2:]) == "x" * 2000
    assert document.passages[-1].at == START
