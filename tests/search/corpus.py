"""Made-up documents, and an independent reading of what the index should hold of them."""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from em_agent.domain.documents import Document, Passage
from em_agent.kit.postgres import Pool

WORDS = [
    "database",
    "databases",
    "outage",
    "checkout",
    "api",
    "latency",
    "errors",
    "error",
    "deploy",
    "rollback",
    "disk",
    "full",
    "memory",
    "leak",
    "the",
    "of",
    "and",
    "was",
    "queue",
    "worker",
    "timeout",
    "timeouts",
    "connection",
    "refused",
    "us-east-1",
    "E1205",
    "checkout-api",
    "order_service",
    "10.0.0.7",
    "naïve",
    "Straße",
]


def some_text(rng: random.Random, longest: int = 40) -> str:
    """A text of common and rare words."""
    return " ".join(rng.choice(WORDS) + rng.choice(("", ",", ".", "")) for _ in range(rng.randint(1, longest)))


def some_document(rng: random.Random, number: int, **fields: Any) -> Document:
    """A document with a title, some paragraphs and fields to filter by."""
    title = some_text(rng, 8)
    bodies = [Passage("paragraph", some_text(rng)) for _ in range(rng.randint(0, 3))]
    return Document(
        **{
            "id": f"doc-{number}",
            "source": rng.choice(("wiki", "pagerduty")),
            "title": title,
            "passages": (Passage("title", title), *bodies),
            "number": number,
            **fields,
        }
    )


def bm25(corpus: Mapping[str, Counter[str]], query: Counter[str]) -> dict[str, float]:
    """Each document's score by its terms, computed from nothing but these."""
    containing = Counter(term for terms in corpus.values() for term in terms)
    mean = sum(terms.total() for terms in corpus.values()) / len(corpus)
    scores = {}
    for id_, terms in corpus.items():
        score = 0.0
        for term, asked in query.items():
            idf = math.log(1 + (len(corpus) - containing[term] + 0.5) / (containing[term] + 0.5))
            score += asked * idf * terms[term] / (terms[term] + 1.2 * (1 - 0.75 + 0.75 * terms.total() / mean))
        scores[id_] = score
    return scores


async def recount(pool: Pool) -> dict[str, Any]:
    """What the counts should be, from the postings, and from the forward lists."""
    terms = await pool.fetch(
        "SELECT t.term, count(*) AS documents FROM search.postings AS p JOIN search.terms AS t ON t.id = p.term_id GROUP BY 1"
    )
    forward = await pool.fetch(
        "SELECT t.term, c.document_key, u.frequency FROM search.contents AS c, unnest(c.term_ids, c.frequencies) AS u (id, frequency)"
        " JOIN search.terms AS t ON t.id = u.id ORDER BY 1, 2"
    )
    backward = await pool.fetch(
        "SELECT t.term, p.document_key, p.frequency FROM search.postings AS p JOIN search.terms AS t ON t.id = p.term_id ORDER BY 1, 2"
    )
    lengths = await pool.fetch(
        "SELECT document_key, sum(frequency), min(length), max(length) FROM search.postings GROUP BY 1"
    )
    return {
        "terms": {row["term"]: row["documents"] for row in terms},
        "forward": [tuple(row) for row in forward],
        "backward": [tuple(row) for row in backward],
        "lengths": {row[0]: row[1:] for row in map(tuple, lengths)},
    }


async def counts(pool: Pool) -> dict[str, Any]:
    """The counts as they are kept."""
    row = await pool.fetchrow("SELECT documents, length FROM search.corpus")
    assert row is not None
    return {
        "terms": {
            row["term"]: row["documents"] for row in await pool.fetch("SELECT term, documents FROM search.terms")
        },
        "documents": row["documents"],
        "length": row["length"],
        "lengths": {row["key"]: row["length"] for row in await pool.fetch("SELECT key, length FROM search.documents")},
    }


def by_id(rows: Sequence[Document]) -> dict[str, Document]:
    """The documents by their ids, of several the last."""
    return {document.id: document for document in rows}
