"""A document as a row, the text that is searched by its words, and the digest that tells whether it changed."""

import hashlib
from collections.abc import Mapping, Sequence

from em_agent.domain.documents import Document
from em_agent.kit import json
from em_agent.kit.postgres import Connection

# Part of each digest: a higher number has every document analysed anew when it next comes.
_READING = b"1"

_PUT = """
INSERT INTO search.documents AS d (
    id, source, title, url, number, service_id, service, team_ids, teams, urgency, status, priority, at, meta, digest,
    length
)
SELECT id, source, title, url, number, service_id, service, team_ids, teams, urgency, status, priority, at, meta,
    decode(digest, 'hex'), length
FROM jsonb_to_recordset($1::jsonb) AS r (
    id text, source text, title text, url text, number bigint, service_id text, service text, team_ids text[],
    teams text[], urgency text, status text, priority text, at timestamptz, meta jsonb, digest text, length integer
)
ON CONFLICT (id) DO UPDATE SET
    source = excluded.source, title = excluded.title, url = excluded.url, number = excluded.number,
    service_id = excluded.service_id, service = excluded.service, team_ids = excluded.team_ids,
    teams = excluded.teams, urgency = excluded.urgency, status = excluded.status, priority = excluded.priority,
    at = excluded.at, meta = excluded.meta, digest = excluded.digest, length = excluded.length, indexed_at = now()
RETURNING d.id, d.key
"""


def digest(document: Document) -> bytes:
    """The same for the same document."""
    return hashlib.blake2b(_READING + json.dumps(document, option=json.SORTED), digest_size=16).digest()


def indexed_text(document: Document) -> str:
    """What the document's words are taken from: its title, service and passages."""
    passages = (passage.text for passage in document.passages if passage.kind != "title")
    return "\n".join((document.title, document.service or "", *passages))


async def put_documents(
    connection: Connection, documents: Sequence[Document], digests: Mapping[str, bytes], lengths: Sequence[int]
) -> dict[str, int]:
    """Insert or update the documents' rows; their keys by their ids."""
    rows = [
        {
            **{name: value for name, value in _fields(document).items() if name != "passages"},
            "digest": digests[document.id].hex(),
            "length": length,
        }
        for document, length in zip(documents, lengths, strict=True)
    ]
    return {row["id"]: row["key"] for row in await connection.fetch(_PUT, json.dumps(rows).decode())}


def _fields(document: Document) -> dict[str, object]:
    return {name: getattr(document, name) for name in Document.__slots__}
