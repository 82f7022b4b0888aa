"""Proves that the memory finds what is asked for and answers from it, through all of its parts.

A floor stands .01 under each measured figure. `python -m benchmarks.quality` prints the figures; whoever makes them
better raises the floors.
"""

from collections.abc import AsyncIterator

import pytest

from em_agent.ask.asker import Asker
from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.embedding.bundled import BundledEmbedder, is_installed
from em_agent.search.query import Search
from tests.evaluation import memory
from tests.evaluation.answers import judge, shares
from tests.evaluation.corpus import questions
from tests.evaluation.rankings import by_both, quality, query_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_installed(), reason="there is no model for this platform"),
]

# nDCG@10 and recall@10 of what the search finds.
RANKINGS = {
    "all": (0.847, 0.921),
    "near words": (0.949, 0.981),
    "far words": (0.768, 0.909),
    "recurring": (0.670, 0.640),
    "search": (0.676, 0.746),
    "identifier": (0.990, 0.990),
    "time": (0.890, 0.952),
}
# The share of right answers.
ANSWERS = {
    "answered": 0.930,
    "abstained": 0.923,
    "cause, near words": 0.858,
    "cause, far words": 0.594,
    "fix, near words": 0.903,
    "fix, far words": 0.508,
    "time": 0.840,
    "recurring": 0.865,
    "identifier": 0.990,
}


@pytest.fixture
async def embedder() -> AsyncIterator[BundledEmbedder]:
    """The model that comes with the product."""
    model = BundledEmbedder()
    yield model
    await model.close()


async def test_finds_and_answers_what_is_asked(pool: Pool, database_url: str, embedder: BundledEmbedder) -> None:
    """Rankings and answers are as good as they were measured, for questions of every kind."""
    await memory.fill(pool, database_url)
    await memory.embed(pool, embedder)
    zone, asked = questions()
    search = Search(pool, embedder)

    queries = [query_of(question) for question in asked if question.grades]
    found = [await by_both(search, query) for query in queries]
    worse = {}
    for group, floor in RANKINGS.items():
        one = quality(queries, found, group)
        if one.ndcg < floor[0] or one.recall < floor[1]:
            worse[group] = (one, floor)

    asker = Asker(search, IncidentMeter(pool), pool, timezone=zone, embedder=embedder)
    right = shares(await judge(asker, asked))
    assert not worse
    assert not {group: (right[group], floor) for group, floor in ANSWERS.items() if right[group][1] < floor}
