"""The index over the vectors of a model."""

import random

import pytest

from em_agent.domain.documents import Document, Passage
from em_agent.kit.postgres import Connection, Pool
from em_agent.search import meaning, store, vectors
from em_agent.search.filters import Filters, Scope, resolve
from em_agent.search.meaning import MeaningQuery

MODEL, OTHER = "it's a \\ model:1", "other"
INDEXES = "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'passages_nearest%' ORDER BY 1"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "INDEXED_FROM", 50)


async def embed(connection: Connection, model: str, dimensions: int) -> None:
    """Give every passage a vector of the model."""
    rng = random.Random(1)
    while waiting := await vectors.pending(connection, model, 1_000):
        made = [[rng.gauss(0, 1) for _ in range(dimensions)] for _ in waiting]
        await vectors.save(connection, model, waiting, made)


async def index(connection: Connection, count: int) -> None:
    """Put so many documents into the index."""
    texts = [f"text {number}" for number in range(count)]
    await store.index(connection, [Document(text, "wiki", text, (Passage("note", text),)) for text in texts])


async def test_an_index_for_each_model(pool: Pool) -> None:
    """An index is made once a model's vectors are many, whatever its name and dimensions, and goes with its last one."""
    async with pool.acquire() as connection:
        await index(connection, 40)
        await embed(connection, MODEL, 8)
        assert not await vectors.ensure_index(connection, MODEL, 8)
        await index(connection, 60)
        await embed(connection, MODEL, 8)
        assert await vectors.ensure_index(connection, MODEL, 8)
        assert await vectors.ensure_index(connection, MODEL, 8)
        [first] = await connection.fetch(INDEXES)
        await embed(connection, OTHER, 12)
        assert await vectors.ensure_index(connection, OTHER, 12)
        [second] = await connection.fetch(INDEXES)
        assert first != second


async def test_the_index_is_used(pool: Pool) -> None:
    """What is nearest is found through the index, and is what is nearest."""
    async with pool.acquire() as connection:
        await index(connection, 3_000)
        await embed(connection, MODEL, 8)
        await vectors.ensure_index(connection, MODEL, 8)
        asked = MeaningQuery([1.0] + [0.0] * 7, MODEL)
        scope = await resolve(connection, Filters())
        await connection.execute("SET enable_seqscan = off; SET enable_sort = off")  # these are few
        found = await meaning.find(connection, asked, scope, 10)
        uses = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname LIKE 'passages_nearest%'"
        await connection.fetch("SELECT pg_stat_force_next_flush()")
        assert await connection.fetchval(uses) >= 1
        exact = await connection.fetch(
            "SELECT document_key FROM search.passages ORDER BY embedding <#> $1::real[]::halfvec LIMIT 10", asked.vector
        )
        assert len({row[0] for row in exact} & set(found[:10])) >= 9


async def test_a_broken_build_is_made_anew(pool: Pool) -> None:
    """An index whose build was interrupted is replaced."""
    async with pool.acquire() as connection:
        await index(connection, 60)
        await embed(connection, MODEL, 8)
        await vectors.ensure_index(connection, MODEL, 8)
        await connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
            " (SELECT oid FROM pg_class WHERE relname LIKE 'passages_nearest%')"
        )
        assert await vectors.ensure_index(connection, MODEL, 8)
        assert await connection.fetchval("SELECT bool_and(indisvalid) FROM pg_index")


async def test_what_waits_is_counted(pool: Pool) -> None:
    """What waits is what no model has read, and, once it is known which is asked, what only another one has."""
    async with pool.acquire() as connection:
        await index(connection, 3)
        await embed(connection, OTHER, 8)
        await index(connection, 5)
        assert await vectors.count_pending(connection, "") == 2
        assert await vectors.count_pending(connection, OTHER) == 2
        assert await vectors.count_pending(connection, MODEL) == 5


async def test_of_few_documents_no_others_are_read(pool: Pool) -> None:
    """Behind a filter the vectors of what fits are read and no others, though the planner may know of no model."""
    async with pool.acquire() as connection:
        await index(connection, 2_000)
        await connection.execute("ANALYZE search.passages")
        await embed(connection, MODEL, 8)
        keys = [row["key"] for row in await connection.fetch("SELECT key FROM search.documents ORDER BY key LIMIT 50")]
        reads = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'passages'"
        await connection.execute("SET plan_cache_mode = force_custom_plan")
        before = await _flushed(connection, reads)
        scope = Scope(Filters(), keys)
        assert len(await meaning.find(connection, MeaningQuery([1.0] + [0.0] * 7, MODEL), scope, 10)) == 50
        assert len(await meaning.score(connection, MeaningQuery([1.0] + [0.0] * 7, MODEL), keys)) == 50
        assert await _flushed(connection, reads) - before <= 200


async def _flushed(connection: Connection, reads: str) -> int:
    await connection.fetch("SELECT pg_stat_force_next_flush()")
    count: int = await connection.fetchval(reads)
    return count
