"""The passages' vectors: those still to be made, those made, and the index over those of each model."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Connection

# Fewer vectors than this are compared one by one as fast.
INDEXED_FROM = 10_000
_PREFIX = "passages_nearest_"
_MOST_DIMENSIONS = 4_000  # that an index takes
_BUILD_SECONDS = 6 * 3600.0

# A passage means what it says under its title: "rolled back" alone is no answer to anything. Of a long title the
# beginning does, or nothing of the passage would be read.
_WITH_TITLE = """
SELECT p.document_key, p.ordinal, p.text AS passage, d.title,
    CASE WHEN p.kind = 'title' THEN p.text ELSE left(d.title, 200) || E'\\n' || p.text END AS text
FROM ({found}) AS p JOIN search.documents AS d ON d.key = p.document_key
ORDER BY p.at DESC
"""
# What no model has read comes first: titles, then the newest notes, so that what is written now never waits for years
# of history; after that what another model has read.
_UNREAD = _WITH_TITLE.format(found="SELECT * FROM search.passages WHERE model IS NULL ORDER BY at DESC LIMIT $1")
_OF_ANOTHER = _WITH_TITLE.format(found="SELECT * FROM search.passages WHERE model < $1 OR model > $1 LIMIT $2")
# Not where another text came to stand there meanwhile, or it under another title. The document is locked before its
# passages, as whoever writes it does, so that a title that is just changing is waited for and then seen.
_SAVE = """
WITH document AS MATERIALIZED (
    SELECT key, title FROM search.documents WHERE key = $1 FOR SHARE
)
UPDATE search.passages AS p SET model = $6, embedding = $5::real[]::halfvec
FROM document AS d
WHERE p.document_key = d.key AND p.ordinal = $2 AND p.text = $3 AND (p.kind = 'title' OR d.title = $4)
"""
# By the index over models, which has no more to count than what waits.
_COUNT_UNREAD = "SELECT count(*) FROM search.passages WHERE model IS NULL"
_COUNT_OF_ANOTHER = "SELECT count(*) FROM search.passages WHERE model < $1 OR model > $1"
_COUNT_MADE = "SELECT count(*) FROM (SELECT FROM search.passages WHERE model = $1 LIMIT $2) AS made"
_INDEXES = """
SELECT c.relname AS name, i.indisvalid AS is_valid
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = 'search.passages'::regclass AND starts_with(c.relname, $1)
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A passage that has no vector of the present model; `text` is what is to be embedded, under its title."""

    document_key: int
    ordinal: int
    passage: str
    title: str
    text: str


async def pending(connection: Connection, model: str, limit: int) -> list[Pending]:
    """Some of the passages that wait for a vector of this model, the newest of those without any first."""
    rows = await connection.fetch(_UNREAD, limit)
    if len(rows) < limit:
        rows += await connection.fetch(_OF_ANOTHER, model, limit - len(rows))
    return [Pending(**row) for row in rows]


async def count_pending(connection: Connection, model: str) -> int:
    """How many passages wait for a vector of this model; for any, where it is not known yet which it is."""
    count: int = await connection.fetchval(_COUNT_UNREAD)
    if model:
        count += await connection.fetchval(_COUNT_OF_ANOTHER, model)
    return count


async def save(
    connection: Connection, model: str, passages: Sequence[Pending], vectors: Sequence[Sequence[float]]
) -> None:
    """Give the passages their vectors, unit vectors in the same order; a passage that has changed stays pending."""
    # In one order, as whoever forgets or replaces vectors.
    pairs = sorted(zip(passages, vectors, strict=True), key=lambda pair: (pair[0].document_key, pair[0].ordinal))
    rows = [
        (passage.document_key, passage.ordinal, passage.passage, passage.title, vector, model)
        for passage, vector in pairs
    ]
    await connection.executemany(_SAVE, rows)


async def ensure_index(connection: Connection, model: str, dimensions: int) -> bool:
    """Make the index over the model's vectors once they are many; whether it is there.

    Writers go on meanwhile, so it takes a connection outside of any transaction. Indexes over models that no passage
    has any more go.
    """
    found = {row["name"]: row["is_valid"] for row in await connection.fetch(_INDEXES, _PREFIX)}
    name = _name(model)
    if found.pop(name, False):
        is_there = True
    else:
        count: int = await connection.fetchval(_COUNT_MADE, model, INDEXED_FROM)
        is_there = count >= INDEXED_FROM and dimensions <= _MOST_DIMENSIONS
        if is_there:
            await _build(connection, name, model, dimensions)
    if found:
        await _drop_unused(connection, set(found))
    return is_there


async def _drop_unused(connection: Connection, names: set[str]) -> None:
    models = await connection.fetch("SELECT DISTINCT model FROM search.passages WHERE model IS NOT NULL")
    for name in names - {_name(row["model"]) for row in models}:
        await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS search.{name}", timeout=_BUILD_SECONDS)


async def _build(connection: Connection, name: str, model: str, dimensions: int) -> None:
    # One that a broken build left is invalid, and in the way.
    await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS search.{name}", timeout=_BUILD_SECONDS)
    await connection.execute(
        f"CREATE INDEX CONCURRENTLY {name} ON search.passages USING hnsw"
        f" (({comparable(dimensions)}) halfvec_ip_ops) WITH (m = 16, ef_construction = 64)"
        f" WHERE model = {quoted(model)}",
        timeout=_BUILD_SECONDS,
    )


def comparable(dimensions: int) -> str:
    """The expression that the index is over: one column holds vectors of any length, an index those of one."""
    return f"(embedding::halfvec({dimensions}))"


def quoted(model: str) -> str:
    """The model as a literal: a partial index is only used where the condition stands in the statement."""
    literal = model.replace("'", "''").replace("\\", "\\\\")
    return f"E'{literal}'"


def _name(model: str) -> str:
    return _PREFIX + hashlib.blake2b(model.encode(), digest_size=8).hexdigest()
