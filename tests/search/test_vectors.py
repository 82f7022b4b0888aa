"""The index over the vectors of a model."""

import random

import pytest

from em_agent.domain.documents import Document, Passage
from em_agent.kit.postgres import Connection, Pool
from em_agent.search import meaning, store, vectors
from em_agent.search.filters import Filters, resolve
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
