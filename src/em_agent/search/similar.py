"""Documents like another: how near, on average, what is nearest to each of its passages is."""

from em_agent.errors import NotFoundError
from em_agent.kit.postgres import Connection
from em_agent.search import meaning, words
from em_agent.search.exact import INCIDENT_PREFIX, LONGEST_NUMBER
from em_agent.search.filters import Scope
from em_agent.search.fusion import Candidate, Ranked
from em_agent.search.meaning import MeaningQuery
from em_agent.search.words import Term, WordQuery

_PASSAGES = 20  # of the document that are compared: a long one's first
_RAREST_TERMS = 32

_INCIDENT = """
SELECT id FROM search.documents WHERE id = $1 OR number = $2 ORDER BY id = $1 DESC, key LIMIT 1
"""
_OWN_VECTORS = f"""
SELECT embedding::real[] AS vector FROM search.passages WHERE document_key = $1 AND model = $2
ORDER BY ordinal LIMIT {_PASSAGES}
"""  # noqa: S608 - a number of ours
_RANK = f"""
WITH own AS MATERIALIZED (
    SELECT ordinal, embedding FROM search.passages WHERE document_key = $1 AND model = $2
    ORDER BY ordinal LIMIT {_PASSAGES}
),
nearest AS (
    SELECT p.document_key AS key, own.ordinal, max(-(p.embedding <#> own.embedding)) AS score
    FROM {meaning.OF_DOCUMENTS} CROSS JOIN own
    GROUP BY 1, 2
)
SELECT key, avg(score) AS score FROM nearest GROUP BY key ORDER BY score DESC, key DESC
"""  # noqa: S608
_OWN_TERMS = """
SELECT t.id, t.term, t.documents, own.frequency, c.documents AS all_documents, c.length
FROM search.contents AS o
CROSS JOIN LATERAL unnest(o.term_ids, o.frequencies) AS own (term_id, frequency)
JOIN search.terms AS t ON t.id = own.term_id
CROSS JOIN search.corpus AS c
WHERE o.document_key = $1
"""


async def find_key(connection: Connection, document_id: str) -> int:
    """The key of the document.

    Raises:
        NotFoundError: there is no such document in the index.

    """
    key: int | None = await connection.fetchval("SELECT key FROM search.documents WHERE id = $1", document_id)
    if key is None:
        message = f"There is no document {document_id} in the index."
        raise NotFoundError(message)
    return key


async def find_incident_id(connection: Connection, id_or_number: str) -> str:
    """The id of the incident's document, by PagerDuty's id or the number.

    Raises:
        NotFoundError: the index has no such incident.

    """
    given = id_or_number.strip().removeprefix("#")
    number = int(given) if given.isdecimal() and len(given) <= LONGEST_NUMBER else None
    found: str | None = await connection.fetchval(_INCIDENT, INCIDENT_PREFIX + given, number)
    if found is None:
        message = f"There is no incident {id_or_number} in the index."
        raise NotFoundError(message)
    return found


async def rank_by_meaning(
    connection: Connection, key: int, model: str, scope: Scope, top_k: int
) -> list[Ranked] | None:
    """The documents nearest to this one, nearest first; None where it has no vectors of the model."""
    own = [row["vector"] for row in await connection.fetch(_OWN_VECTORS, key, model)]
    if not own:
        return None
    found: set[int] = set()
    for vector in own:
        found.update(await meaning.find(connection, MeaningQuery(vector, model), scope, top_k + 1))
    rows = await connection.fetch(_RANK, key, model, list(found - {key}))
    return [Ranked(Candidate(row["key"], 0, 0.0, row["score"], None), row["score"]) for row in rows]


async def own_words(connection: Connection, key: int) -> WordQuery:
    """The document's terms that tell it from others."""
    rows = await connection.fetch(_OWN_TERMS, key)
    if not rows:
        return WordQuery((), 1.0, 1.0)
    documents, length = rows[0]["all_documents"], rows[0]["length"]
    terms = [Term(row["id"], row["term"], row["documents"], words.idf(documents, row["documents"])) for row in rows]
    rarest = sorted(terms, key=lambda term: -term.weight)
    shared = [term for term in rarest if term.documents > 1]  # what no other document has finds none
    return words.of_terms(shared[:_RAREST_TERMS], documents, length)


async def rank_by_words(connection: Connection, key: int, asked: WordQuery, scope: Scope) -> list[Ranked]:
    """The documents that share most of the words, as parts of what the document itself would score."""
    scores = await words.find(connection, asked, scope)
    scores |= await words.score(connection, asked, [key])
    best = scores[key].score or 1.0
    others = sorted(((scored.score, other) for other, scored in scores.items() if other != key), reverse=True)
    return [Ranked(Candidate(other, 0, score, None, None), score / best) for score, other in others if score > 0]
