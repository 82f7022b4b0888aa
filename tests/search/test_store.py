"""What the index holds, after whatever was done to it."""

import asyncio
import random

import pytest

from em_agent.domain.documents import Document, Passage
from em_agent.kit.postgres import Pool
from em_agent.search import store, vectors
from em_agent.search.analyse import analyse
from em_agent.search.rows import indexed_text
from em_agent.search.store import Indexed
from em_agent.search.words import score, weigh
from tests.search.corpus import WORDS, bm25, by_id, counts, recount, some_document


async def put(pool: Pool, *documents: Document) -> Indexed:
    """Index the documents."""
    async with pool.acquire() as connection:
        return await store.index(connection, documents)


async def check_counts(pool: Pool, expected: dict[str, Document]) -> None:
    """Every count is that of the documents, and every score the oracle's."""
    kept, real = await counts(pool), await recount(pool)
    assert kept["terms"] == real["terms"]
    assert real["forward"] == real["backward"]
    assert kept["documents"] == len(expected) == len(kept["lengths"])
    assert kept["length"] == sum(kept["lengths"].values())
    assert {key: (length,) * 3 for key, length in kept["lengths"].items() if length} == real["lengths"]
    async with pool.acquire() as connection:
        terms = await analyse(connection, [indexed_text(document) for document in expected.values()])
        query = (await analyse(connection, [" ".join(WORDS) + " database unheard"]))[0]
        asked = await weigh(connection, query)
        keys = {row["key"]: row["id"] for row in await connection.fetch("SELECT key, id FROM search.documents")}
        scores = {keys[key]: scored.score for key, scored in (await score(connection, asked, list(keys))).items()}
    assert scores == pytest.approx(bm25(dict(zip(expected, terms, strict=True)), query), abs=1e-9)


async def test_counts_are_exact_after_anything(pool: Pool) -> None:
    """A thousand random insertions, changes and removals leave the counts of what is there, and an oracle's scores."""
    rng = random.Random(20260301)
    expected: dict[str, Document] = {}
    done = 0
    while done < 1_000:
        size = rng.choice((1, 1, 2, 7, 30))
        done += size
        if expected and rng.random() < 0.35:
            ids = rng.sample(sorted(expected), min(size, len(expected)))
            async with pool.acquire() as connection:
                assert await store.remove(connection, [*ids, "nobody"]) == len(ids)
            expected = {id_: document for id_, document in expected.items() if id_ not in ids}
            continue
        documents = [some_document(rng, rng.randrange(150)) for _ in range(size)]
        await put(pool, *documents)
        expected |= by_id(documents)
    await check_counts(pool, expected)
    async with pool.acquire() as connection:
        await store.remove(connection, list(expected))
    assert await counts(pool) == {"terms": {}, "documents": 0, "length": 0, "lengths": {}}


async def test_writers_at_once(pool: Pool) -> None:
    """Writers of the same documents wait for each other and lose no count."""
    ids = range(40)

    async def write(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(12):
            some = rng.sample(ids, 6)
            if rng.random() < 0.3:
                async with pool.acquire() as connection:
                    await store.remove(connection, [f"doc-{number}" for number in some])
            else:
                await put(pool, *(some_document(rng, number) for number in some))

    await asyncio.gather(*(write(seed) for seed in range(4)))
    kept, real = await counts(pool), await recount(pool)
    assert kept["terms"] == real["terms"]
    assert kept["documents"] == len(kept["lengths"])
    assert kept["length"] == sum(kept["lengths"].values())


async def test_the_unchanged_costs_nothing(pool: Pool) -> None:
    """A document that is there as it is is not written again; of several with one id the last one counts."""
    document = some_document(random.Random(1), 1)
    other = some_document(random.Random(2), 1)
    assert await put(pool, document) == Indexed(1, 0)
    before = await pool.fetchval("SELECT pg_current_wal_insert_lsn()")
    assert await put(pool, document, document) == Indexed(0, 2)
    assert await pool.fetchval("SELECT pg_current_wal_insert_lsn()") == before
    assert await put(pool, document, other) == Indexed(2, 0)
    assert await pool.fetchval("SELECT title FROM search.documents") == other.title


async def test_passages_keep_their_vectors(pool: Pool) -> None:
    """A passage whose text stays keeps its vector where it moves; one under another title is to be embedded anew."""
    first, second, third = (Passage("note", text) for text in ("disk full", "rolled back", "all well"))
    document = Document("d", "wiki", "Disk", (Passage("title", "Disk"), first, second))
    await put(pool, document)
    async with pool.acquire() as connection:
        waiting = await vectors.pending(connection, "m", 10)
        assert {one.text for one in waiting} == {"Disk", "Disk\ndisk full", "Disk\nrolled back"}
        await vectors.save(connection, "m", waiting, [[float(len(one.passage)), 1.0] for one in waiting])
        assert await vectors.count_pending(connection, "m") == 0
        assert await vectors.count_pending(connection, "other") == 3
    await put(pool, Document("d", "wiki", "Disk", (Passage("title", "Disk"), third, second, first)))
    rows = await pool.fetch("SELECT text, model, embedding::real[] AS vector FROM search.passages ORDER BY ordinal")
    assert [tuple(row) for row in rows] == [
        ("Disk", "m", [4.0, 1.0]),
        ("all well", None, None),
        ("rolled back", "m", [11.0, 1.0]),
        ("disk full", "m", [9.0, 1.0]),
    ]
    await put(pool, Document("d", "wiki", "Disk is full", (Passage("title", "Disk is full"), second)))
    assert await pool.fetchval("SELECT count(*) FROM search.passages WHERE model IS NULL") == 2


async def test_a_changed_passage_takes_no_old_vector(pool: Pool) -> None:
    """A vector that was made of a text which has gone meanwhile is not stored beside another."""
    await put(pool, Document("d", "wiki", "T", (Passage("note", "before"),)))
    async with pool.acquire() as connection:
        waiting = await vectors.pending(connection, "m", 10)
        await store.index(connection, [Document("d", "wiki", "T", (Passage("note", "after"),))])
        await vectors.save(connection, "m", waiting, [[1.0]])
        assert [one.passage for one in await vectors.pending(connection, "m", 10)] == ["after"]
