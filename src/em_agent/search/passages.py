"""The passages of documents: those that stay are not touched, those that move take their vector along."""

from collections.abc import Mapping, Sequence

from em_agent.domain.documents import Passage
from em_agent.kit.postgres import Connection

_STANDING = """
SELECT document_key, ordinal, kind, text, author, at FROM search.passages WHERE document_key = ANY($1::integer[])
"""
# Everything that goes is gone before anything comes: the join needs all of it.
_REPLACE = """
WITH gone AS (
    DELETE FROM search.passages AS p USING unnest($1::integer[], $2::integer[]) AS old (document_key, ordinal)
    WHERE p.document_key = old.document_key AND p.ordinal = old.ordinal
    RETURNING p.document_key, p.text, p.model, p.embedding
),
made AS (
    SELECT DISTINCT ON (document_key, text) document_key, text, model, embedding FROM gone
    WHERE embedding IS NOT NULL ORDER BY document_key, text
)
INSERT INTO search.passages (document_key, ordinal, kind, text, author, at, model, embedding)
SELECT new.document_key, new.ordinal, new.kind, new.text, new.author, new.at, made.model, made.embedding
FROM unnest($3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    AS new (document_key, ordinal, kind, text, author, at)
LEFT JOIN made USING (document_key, text)
"""

_COLUMNS = ["document_key", "ordinal", "kind", "text", "author", "at"]

Row = tuple[object, ...]


async def write_passages(
    connection: Connection, passages: Mapping[int, Sequence[Passage]], standing: Sequence[int]
) -> int:
    """Give the documents, by their keys, these passages; how many rows were written.

    `standing` are the keys of those that were in the index before.
    """
    wanted = {
        (key, ordinal): (passage.kind, passage.text, passage.author, passage.at)
        for key, own in passages.items()
        for ordinal, passage in enumerate(own)
    }
    found = await connection.fetch(_STANDING, standing) if standing else []
    had = {(row["document_key"], row["ordinal"]): tuple(row)[2:] for row in found}
    gone = [place for place, content in had.items() if wanted.get(place) != content]
    new: list[Row] = [(*place, *content) for place, content in wanted.items() if had.get(place) != content]
    if gone:
        columns = list(zip(*new, strict=True)) or [()] * len(_COLUMNS)
        await connection.execute(_REPLACE, [key for key, _ in gone], [at for _, at in gone], *columns)
    elif new:
        await connection.copy_records_to_table("passages", schema_name="search", columns=_COLUMNS, records=new)
    return len(new)
