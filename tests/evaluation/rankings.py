"""What the search finds for each query: by words, by meaning, and by both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Pool
from em_agent.search import meaning
from em_agent.search.embedder import Embedder
from em_agent.search.filters import Filters, resolve
from em_agent.search.query import Search
from tests.evaluation.corpus import Question
from tests.evaluation.measures import mean, ndcg, recall

DEPTH = 10
_IDS = "SELECT key, id FROM search.documents WHERE key = ANY($1::integer[])"


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, the grades of what should be found, and the groups in which it counts."""

    text: str
    grades: Mapping[str, int]
    groups: Sequence[str]
    filters: Filters


@dataclass(frozen=True, slots=True)
class Quality:
    """The means of a group of queries."""

    queries: int
    ndcg: float
    recall: float


def query_of(question: Question) -> Query:
    """The question as the search gets it, its time phrase read."""
    groups = ["all", question.kind]
    if question.kind in {"cause", "fix"}:
        groups.append("near words" if question.is_near else "far words")
    return Query(question.q, question.grades, groups, Filters(since=question.since, until=question.until))


async def by_words(pool: Pool, query: Query) -> list[str]:
    """The ids found by BM25 alone."""
    return await by_both(Search(pool, None), query)


async def by_both(search: Search, query: Query) -> list[str]:
    """The ids found by the search as it is."""
    return [hit.id for hit in (await search.search(query.text, DEPTH, query.filters)).hits]


async def by_meaning(pool: Pool, embedder: Embedder, query: Query) -> list[str]:
    """The ids of the documents whose best passage is nearest."""
    vector = (await embedder.embed([query.text]))[0].tolist()
    asked = meaning.MeaningQuery(vector, embedder.fingerprint)
    async with pool.acquire() as connection, connection.transaction():
        scope = await resolve(connection, query.filters)
        scores = await meaning.score(connection, asked, await meaning.find(connection, asked, scope, DEPTH))
        nearest = sorted(scores, key=lambda key: -scores[key].score)[:DEPTH]
        ids = {row["key"]: row["id"] for row in await connection.fetch(_IDS, nearest)}
    return [ids[key] for key in nearest]


def quality(queries: Sequence[Query], rankings: Sequence[Sequence[str]], group: str) -> Quality:
    """How good the rankings of a group's queries are."""
    pairs = [(query, ranking) for query, ranking in zip(queries, rankings, strict=True) if group in query.groups]
    return Quality(
        queries=len(pairs),
        ndcg=mean([ndcg(ranking, query.grades, DEPTH) for query, ranking in pairs]),
        recall=mean([recall(ranking, query.grades, DEPTH) for query, ranking in pairs]),
    )
