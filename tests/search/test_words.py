"""BM25 from the index against an oracle."""

import random

import pytest

from em_agent.kit.postgres import Pool
from em_agent.search import store, words
from em_agent.search.analyse import analyse
from em_agent.search.filters import Filters, resolve
from em_agent.search.rows import indexed_text
from tests.search.corpus import WORDS, bm25, some_document

QUESTIONS = (
    "disk",
    "database outage",
    "us-east-1 timeouts and errors",
    "the of and",
    "unheard",
    "disk disk full",
    " ".join(WORDS),
)


@pytest.mark.parametrize("budget", [0, 300, 10**9])
@pytest.mark.parametrize("source", [None, "rare", "wiki"])
async def test_scores_are_those_of_an_oracle(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, budget: int, source: str | None
) -> None:
    """The best documents and their scores are an oracle's to the last digits, with a filter and without."""
    monkeypatch.setattr(words, "_POSTINGS", budget)
    rng = random.Random(7)
    documents = [some_document(rng, n, source=rng.choice(("rare", *["wiki"] * 9))) for n in range(400)]
    filters = Filters(source=[source] if source else [])
    async with pool.acquire() as connection:
        await store.index(connection, documents)
        terms = await analyse(connection, [indexed_text(document) for document in documents])
        corpus = {document.id: counts for document, counts in zip(documents, terms, strict=True)}
        ids = {row["key"]: row["id"] for row in await connection.fetch("SELECT key, id FROM search.documents")}
        fitting = {document.id for document in documents if source in {None, document.source}}
        for question in QUESTIONS:
            asked = (await analyse(connection, [question]))[0]
            query = await words.weigh(connection, asked)
            found = await words.find(connection, query, await resolve(connection, filters))
            truth = {id_: score for id_, score in bm25(corpus, asked).items() if id_ in fitting and score > 0}
            assert {ids[key]: scored.score for key, scored in found.items()} == pytest.approx(
                {ids[key]: truth[ids[key]] for key in found}, abs=1e-9
            )
            best = sorted(truth.values(), reverse=True)[:10]
            assert sorted((scored.score for scored in found.values()), reverse=True)[:10] == pytest.approx(
                best, abs=1e-9
            )
