"""Terms, postings and counts: what BM25 is computed from. They change together, under the lock on the corpus."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Connection

_CONTENTS = """
SELECT document_key, term_ids, frequencies FROM search.contents WHERE document_key = ANY($1::integer[])
"""
_TERM_IDS = """
WITH given AS MATERIALIZED (SELECT unnest($1::text[]) COLLATE "C" AS term),
known AS MATERIALIZED (SELECT id, term FROM search.terms JOIN given USING (term)),
made AS (
    INSERT INTO search.terms (term)
    SELECT term FROM given WHERE NOT EXISTS (SELECT FROM known WHERE known.term = given.term)
    RETURNING id, term
)
SELECT id, term FROM known UNION ALL SELECT id, term FROM made
"""
_DELETE_POSTINGS = """
DELETE FROM search.postings AS p
USING unnest($1::integer[], $2::integer[]) AS old (term_id, document_key)
WHERE p.term_id = old.term_id AND p.document_key = old.document_key
"""
_DELETE_CONTENTS = "DELETE FROM search.contents WHERE document_key = ANY($1::integer[])"
_COUNT_TERMS = """
UPDATE search.terms AS t SET documents = t.documents + change.by
FROM unnest($1::integer[], $2::integer[]) AS change (id, by) WHERE t.id = change.id
"""
_DELETE_TERMS = "DELETE FROM search.terms WHERE id = ANY($1::integer[]) AND documents = 0"
_COUNT_CORPUS = "UPDATE search.corpus SET documents = documents + $1, length = length + $2"

Frequencies = dict[int, int]


@dataclass(frozen=True, slots=True)
class _Change:
    key: int
    old: Frequencies | None
    new: Frequencies | None


async def write(connection: Connection, terms: Mapping[int, Counter[str]], standing: Sequence[int]) -> None:
    """Give the documents, by their keys, these terms; those of `standing` that get none are taken out.

    `standing` are the keys of all that were in the index before. The caller holds the lock on the corpus.
    """
    ids = await _term_ids(connection, terms)
    new = {key: {ids[term]: count for term, count in counts.items()} for key, counts in terms.items()}
    old = await _read(connection, standing)
    changes = [_Change(key, old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)]
    await _delete(connection, [change for change in changes if change.old is not None])
    await _insert(connection, [change for change in changes if change.new is not None])
    await _count(connection, changes)


async def _term_ids(connection: Connection, terms: Mapping[int, Counter[str]]) -> dict[str, int]:
    distinct = sorted(set().union(*terms.values()))
    if not distinct:
        return {}
    return {row["term"]: row["id"] for row in await connection.fetch(_TERM_IDS, distinct)}


async def _read(connection: Connection, keys: Sequence[int]) -> dict[int, Frequencies]:
    rows = await connection.fetch(_CONTENTS, keys) if keys else []
    return {row["document_key"]: dict(zip(row["term_ids"], row["frequencies"], strict=True)) for row in rows}


async def _delete(connection: Connection, changes: Sequence[_Change]) -> None:
    if changes:
        pairs = sorted((term, change.key) for change in changes for term in change.old or {})
        await connection.execute(_DELETE_POSTINGS, [term for term, _ in pairs], [key for _, key in pairs])
        await connection.execute(_DELETE_CONTENTS, [change.key for change in changes])


async def _insert(connection: Connection, changes: Sequence[_Change]) -> None:
    """In the order of the primary key: neighbours then share the pages that are changed."""
    contents, records = [], []
    for change in changes:
        frequencies = change.new or {}
        length = sum(frequencies.values())
        contents.append((change.key, list(frequencies), list(frequencies.values())))
        records += [(term, change.key, count, length) for term, count in frequencies.items()]
    await connection.copy_records_to_table(
        "contents", schema_name="search", columns=["document_key", "term_ids", "frequencies"], records=contents
    )
    records.sort()
    await connection.copy_records_to_table(
        "postings",
        schema_name="search",
        columns=["term_id", "document_key", "frequency", "length"],
        records=records,
    )


async def _count(connection: Connection, changes: Sequence[_Change]) -> None:
    by: Counter[int] = Counter()
    documents = length = 0
    for change in changes:
        for frequencies, sign in ((change.old, -1), (change.new, 1)):
            if frequencies is not None:
                by.update(dict.fromkeys(frequencies, sign))
                documents += sign
                length += sign * sum(frequencies.values())
    moved = sorted((term, change) for term, change in by.items() if change)
    if moved:
        await connection.execute(_COUNT_TERMS, [term for term, _ in moved], [change for _, change in moved])
        fewer = [term for term, change in moved if change < 0]
        if fewer:
            await connection.execute(_DELETE_TERMS, fewer)
    if documents or length:
        await connection.execute(_COUNT_CORPUS, documents, length)
