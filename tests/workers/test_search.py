"""The worker of the memory: everything that changes is found, whatever fails beside it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import structlog.testing
from nats.aio.client import Client

from em_agent.domain.documents import Document, Passage
from em_agent.errors import PermanentError, RetriableError
from em_agent.incidents import store as incident_store
from em_agent.kit.postgres import Pool
from em_agent.search import store, vectors
from em_agent.search.embedder import Embedder, Vectors
from em_agent.search.query import Search
from em_agent.workers import search as worker_module
from em_agent.workers.replay import replay_incidents
from em_agent.workers.search import SearchWorker
from tests.deliveries import delivery, incident
from tests.faults import proxy_before
from tests.parts import gateway_on, relay_on, running, worker_on
from tests.search.test_incident_documents import SNAPSHOT, marked, noted, told
from tests.waiting import eventually


class Model:
    """An imitated model: a direction for each text, until it is told to fail or to refuse."""

    def __init__(self, name: str = "model-a", dimensions: int = 4) -> None:
        self.name, self.size = name, dimensions
        self.failure: Exception | None = None
        self.refused = "\0"
        self.asked: list[str] = []
        self.is_known = True

    @property
    def fingerprint(self) -> str:
        return self.name if self.is_known else ""

    @property
    def dimensions(self) -> int:
        return self.size if self.is_known else 0

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:  # noqa: ARG002
        self.asked.extend(texts)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        if any(self.refused in text for text in texts):
            raise PermanentError
        self.is_known = True
        made = np.array([[1.0 + len(text), *[1.0] * (self.size - 1)] for text in texts], np.float32)
        unit: Vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
        return unit

    async def close(self) -> None:
        pass


@asynccontextmanager
async def search_on(database_url: str, embedder: Embedder | None = None) -> AsyncIterator[SearchWorker]:
    """A worker at work."""
    worker = SearchWorker(database_url, embedder)
    async with running(worker.run()):
        yield worker


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that looks again soon."""
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(worker_module, "LONGEST_PAUSE_SECONDS", 0.2)


async def apply(pool: Pool, *events: Any) -> None:
    """Have the events happen."""
    async with pool.acquire() as connection:
        await incident_store.apply(connection, list(events))


async def models(pool: Pool) -> dict[str | None, int]:
    """How many passages each model read."""
    return {row[0]: row[1] for row in await pool.fetch("SELECT model, count(*) FROM search.passages GROUP BY 1")}


async def is_settled(pool: Pool, model: str | None) -> bool:
    """Whether nothing is marked and this model read every passage."""
    return not await marked(pool) and set(await models(pool)) == {model}


async def test_a_note_of_a_webhook_is_found_within_seconds(database_url: str, nats_url: str, pool: Pool) -> None:
    """A note that arrives at the gateway is among the results, with its incident, in less than five seconds."""
    model = Model()
    async with (
        gateway_on(database_url) as gateway,
        relay_on(database_url, nats_url),
        worker_on(pool, nats_url),
        search_on(database_url, model),
    ):
        await gateway.store(delivery("triggered", 0, data=incident("P1", title="Checkout is down")))
        await eventually(lambda: is_settled(pool, "model-a"))
        note = {
            "id": "PN1", "type": "incident_note", "content": "The flux capacitor overheated", "trimmed": False,
            "incident": {"id": "P1", "type": "incident_reference"},
        }  # fmt: skip
        await gateway.store(delivery("annotated", 60, data=note))
        search = Search(pool, None)

        async def found() -> Any:
            return (await search.search("flux capacitor")).hits

        (hit,) = await eventually(found, 5)
        assert hit.id == "pagerduty:incident:P1"
        await eventually(lambda: is_settled(pool, "model-a"), 5)


async def test_changes_are_indexed_without_a_model(database_url: str, pool: Pool) -> None:
    """Without a model everything is indexed, and no vector made."""
    async with search_on(database_url):
        await apply(pool, *(told(n, "triggered", f"P{n}", snapshot=SNAPSHOT) for n in range(3)))
        await eventually(lambda: is_settled(pool, None))
    assert await pool.fetchval("SELECT count(*) FROM search.documents") == 3


async def test_one_bad_incident_does_not_stop_the_others(
    database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, counted, tried again later, and right once it can be indexed; the others are there meanwhile."""
    index = store.index

    async def fail(connection: Any, found: Sequence[Document]) -> Any:
        if any(document.id.endswith(":P1") for document in found):
            raise ValueError
        return await index(connection, found)

    monkeypatch.setattr(store, "index", fail)
    await apply(pool, *(told(n, "triggered", f"P{n}", snapshot=SNAPSHOT) for n in range(4)))
    with structlog.testing.capture_logs() as logs:
        async with search_on(database_url) as worker:
            await eventually(lambda: pool.fetchval("SELECT count(*) = 3 FROM search.documents"))
            await eventually(lambda: pool.fetchval("SELECT max(attempts) > 0 FROM search.pending_incidents"))
            assert await marked(pool) == ["P1"]
            assert worker.is_well
            monkeypatch.undo()
            await pool.execute("UPDATE search.pending_incidents SET due_at = now()")
            await eventually(lambda: pool.fetchval("SELECT count(*) = 4 FROM search.documents"))
    assert [entry["id"] for entry in logs if entry["event"] == "search.incident_failed"] == ["pagerduty:incident:P1"]


async def test_what_is_still_to_do_is_measured(database_url: str, pool: Pool) -> None:
    """The metrics count marks, those that failed, their age, and passages without a vector."""
    await apply(pool, *(told(n, "triggered", f"P{n}", snapshot=SNAPSHOT) for n in range(3)))
    await pool.execute(
        "UPDATE search.pending_incidents SET attempts = 1, marked_at = now() - interval '1 h' WHERE incident_id = 'P1'"
    )
    async with pool.acquire() as connection:
        await store.index(connection, [Document("runbook", "runbooks", "t", (Passage("paragraph", "off and on"),))])
    async with gateway_on(database_url) as gateway:
        text = (await gateway.client.get("/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("em_agent_search"))
    assert float(lines.pop("em_agent_search_age_seconds")) > 3599
    assert {name: float(value) for name, value in lines.items()} == {
        'em_agent_search_pending{what="incidents"}': 3,
        'em_agent_search_pending{what="passages"}': 1,
        "em_agent_search_failing": 1,
    }


async def test_copies_share_the_work(database_url: str, pool: Pool) -> None:
    """Three copies index and embed everything once in effect."""
    models_of = [Model(), Model(), Model()]
    async with (
        search_on(database_url, models_of[0]),
        search_on(database_url, models_of[1]),
        search_on(database_url, models_of[2]),
    ):
        for n in range(20):
            await apply(pool, *(noted(100 * k + n, f"note {n} of {k}", f"P{k}") for k in range(30)))
        await eventually(lambda: is_settled(pool, "model-a"), 30)
    assert await pool.fetchval("SELECT count(*) FROM search.passages") == 600
    assert sum(bool(model.asked) for model in models_of) == 1


async def test_a_model_that_is_away_only_delays_vectors(database_url: str, pool: Pool) -> None:
    """While it is away everything is indexed, which is told once; when it is back the vectors follow."""
    model = Model()
    model.failure = RetriableError("The embedding model does not answer")
    with structlog.testing.capture_logs() as logs:
        async with search_on(database_url, model):
            for n in range(6):
                await apply(pool, noted(n, f"note {n}"))
                await eventually(partial(pool.fetchval, "SELECT count(*) > $1 FROM search.passages", n))
            await eventually(lambda: len(model.asked) > 3)
            assert await models(pool) == {None: 6}
            model.failure = None
            await eventually(lambda: is_settled(pool, "model-a"))
    assert [entry["event"] for entry in logs].count("search.waiting_for_model") == 1


async def test_a_refused_passage_does_not_stop_the_others(database_url: str, pool: Pool) -> None:
    """A text that the model refuses is near to nothing, and the rest have their vectors."""
    model = Model()
    model.refused = "cursed"
    await apply(pool, *(noted(n, "cursed" if n == 2 else f"note {n}") for n in range(6)))
    async with search_on(database_url, model):
        await eventually(lambda: is_settled(pool, "model-a"))
    rows = await pool.fetch("SELECT text, embedding::text AS vector FROM search.passages ORDER BY ordinal")
    assert {row["text"] for row in rows if row["vector"] == "[0,0,0,0]"} == {"cursed"}
    assert sum(row["vector"] is not None for row in rows) == 6


async def test_a_model_that_refuses_everything_only_delays_vectors(database_url: str, pool: Pool) -> None:
    """While it refuses even a harmless text no passage is taken for a bad one; when it takes texts, all are read."""
    model = Model()
    model.failure = PermanentError("The embedding model answers 400.")
    await apply(pool, *(noted(n, f"note {n}") for n in range(6)))
    with structlog.testing.capture_logs() as logs:
        async with search_on(database_url, model):
            await eventually(lambda: len(model.asked) > 20)
            assert await models(pool) == {None: 6}
            model.failure = None
            await eventually(lambda: is_settled(pool, "model-a"))
    assert not await pool.fetchval("SELECT count(*) FROM search.passages WHERE embedding::text = '[0,0,0,0]'")
    assert "search.passage_refused" not in [entry["event"] for entry in logs]


@pytest.mark.parametrize("failure", [PermanentError("It answers 422."), ValueError("a fault of ours")])
async def test_a_model_that_is_unknown_and_fails_only_delays_vectors(
    database_url: str, pool: Pool, failure: Exception
) -> None:
    """Whatever the first question to a model fails with, incidents are indexed all the time."""
    model = Model()
    model.is_known, model.failure = False, failure
    async with search_on(database_url, model) as worker:
        for n in range(6):
            await apply(pool, noted(n, f"note {n}"))
            await eventually(partial(pool.fetchval, "SELECT count(*) > $1 FROM search.passages", n))
            await eventually(partial(has_asked, model, n + 1))
            assert worker.is_well
        model.failure = None
        await eventually(lambda: is_settled(pool, "model-a"))


async def has_asked(model: Model, count: int) -> bool:
    """Whether the model was asked so many texts."""
    return len(model.asked) >= count


async def test_an_index_that_fails_or_takes_long_holds_up_nobody(
    database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the vectors' index fails, and then is built for long, passages are indexed and get their vectors."""
    looks = 0

    async def build(*_: Any) -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ValueError
        await asyncio.sleep(3600)
        return True

    monkeypatch.setattr(vectors, "ensure_index", build)
    async with search_on(database_url, Model()) as worker:
        for n in range(4):
            await apply(pool, noted(n, f"note {n}"))
            await eventually(partial(pool.fetchval, "SELECT count(embedding) > $1 FROM search.passages", n))
        await eventually(lambda: looks == 2)
        await apply(pool, noted(9, "note 9"))
        await eventually(lambda: is_settled(pool, "model-a"))
        assert worker.is_well


async def test_the_index_is_looked_for_while_passages_still_wait(
    database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long history has its index before the last of it is embedded."""
    waiting: list[int] = []

    async def look(connection: Any, *_: Any) -> bool:
        waiting.append(await connection.fetchval("SELECT count(*) FROM search.passages WHERE model IS NULL"))
        return False

    monkeypatch.setattr(vectors, "ensure_index", look)
    monkeypatch.setattr(worker_module, "EMBED_BATCH_SIZE", 2)
    monkeypatch.setattr(worker_module, "BATCHES_BETWEEN_LOOKS", 5)
    await apply(pool, *(noted(n, f"note {n}") for n in range(80)))
    async with search_on(database_url):
        await eventually(lambda: pool.fetchval("SELECT count(*) = 80 FROM search.passages"))
    async with search_on(database_url, Model()):
        await eventually(lambda: is_settled(pool, "model-a"))
        await eventually(lambda: bool(waiting) and waiting[-1] == 0)
    assert any(0 < count < 80 for count in waiting)


async def test_another_model_reads_everything_anew(database_url: str, pool: Pool) -> None:
    """After a change of the model each passage gets a vector of the new one, also of another length."""
    await apply(pool, *(noted(n, f"note {n}") for n in range(80)))
    async with search_on(database_url, Model()):
        await eventually(lambda: is_settled(pool, "model-a"))
    later = Model("model-b", dimensions=7)
    later.is_known = False
    async with search_on(database_url, later):
        await eventually(lambda: is_settled(pool, "model-b"))
        asked = len(later.asked)
        await apply(pool, noted(90, "one more"))
        await eventually(lambda: pool.fetchval("SELECT count(*) = 81 FROM search.passages WHERE model = 'model-b'"))
    assert len(later.asked) == asked + 1, "what did not change is not read again"
    assert await pool.fetchval("SELECT min(vector_dims(embedding::vector)) FROM search.passages") == 7


async def test_what_is_new_is_read_first(database_url: str, pool: Pool) -> None:
    """Titles come first, then the newest notes; a long title leaves room for what stands under it."""
    titled = told(0, "triggered", "P1", snapshot=replace(SNAPSHOT, title="t" * 5000))
    await apply(pool, titled, *(noted(n, f"note {n:02}", f"P{n % 3}") for n in range(1, 41)))
    model = Model()
    async with search_on(database_url, model):
        await eventually(lambda: is_settled(pool, "model-a"))
    assert model.asked[0] == "t" * 5000
    notes = [text.rpartition("\n")[2] for text in model.asked[1:]]
    assert notes == [f"note {n:02}" for n in range(40, 0, -1)]
    assert max(map(len, model.asked[1:])) < 250


async def test_a_model_is_not_asked_while_there_is_nothing(database_url: str) -> None:
    """With an empty index neither a model elsewhere is asked nor the bundled one loaded."""
    model = Model()
    async with search_on(database_url, model) as worker:
        await eventually(lambda: worker.is_well)
        await asyncio.sleep(0.5)
    assert model.asked == []


async def test_a_broken_connection_is_made_anew(database_url: str, pool: Pool) -> None:
    """A worker that loses PostgreSQL is not well, and goes on once it is back."""
    async with proxy_before(database_url) as (proxy, url), search_on(url, Model()) as worker:
        await apply(pool, noted(1, "before"))
        await eventually(lambda: is_settled(pool, "model-a"))
        await proxy.cut()
        await eventually(lambda: not worker.is_well)
        await apply(pool, noted(2, "after"))
        await proxy.restore()
        await eventually(lambda: is_settled(pool, "model-a"))
        assert worker.is_well
    assert await pool.fetchval("SELECT count(*) FROM search.passages") == 2


async def test_a_database_that_stays_away_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails again and again is one line of the log, not one for each try."""
    tries: list[float] = []

    async def connect(*_: object, **__: object) -> None:
        tries.append(0)
        message = "PostgreSQL does not answer"
        raise RetriableError(message)

    monkeypatch.setattr("em_agent.kit.postgres.connect", connect)
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.01)
    with structlog.testing.capture_logs() as logs:
        async with search_on("postgresql://nowhere", None):
            await eventually(lambda: len(tries) > 3)
    assert [line["event"] for line in logs].count("search.disconnected") == 1


async def test_replay_makes_the_same_documents(
    database_url: str, nats_url: str, nats_client: Client, pool: Pool
) -> None:
    """After a replay every incident is indexed anew, nothing is different, and documents of users are still there."""
    columns = "id, title, meta, digest, indexed_at"
    async with (
        gateway_on(database_url) as gateway,
        relay_on(database_url, nats_url),
        worker_on(pool, nats_url),
        search_on(database_url, Model()),
    ):
        await gateway.store(*(delivery("triggered", n, data=incident(f"P{n}")) for n in range(5)))
        await eventually(lambda: pool.fetchval("SELECT count(*) = 5 FROM search.documents"))
        await eventually(lambda: is_settled(pool, "model-a"))
        async with pool.acquire() as connection:
            runbook = Document("runbook", "runbooks", "How to restart", (Passage("paragraph", "Turn it off and on."),))
            await store.index(connection, [runbook])
            before = await connection.fetch(f"SELECT {columns} FROM search.documents ORDER BY id")
            await replay_incidents(connection, lambda *_: None)
        await eventually(lambda: is_settled(pool, "model-a"))
        assert await pool.fetch(f"SELECT {columns} FROM search.documents ORDER BY id") == before
