"""Puts documents into the index and takes them out of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from em_agent.domain.documents import Document
from em_agent.kit.postgres import Connection
from em_agent.search import postings
from em_agent.search.analyse import analyse
from em_agent.search.passages import write_passages
from em_agent.search.rows import digest, indexed_text, put_documents

BATCH_DOCUMENTS = 250
BATCH_CHARACTERS = 500_000

# Plans are made for the arrays that are given: a general one takes them for ten rows each.
_PLAN_FOR_VALUES = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true)
"""
_LOCK = "SELECT FROM search.corpus FOR UPDATE"
_KNOWN = "SELECT id, title, digest FROM search.documents WHERE id = ANY($1::text[])"
_KEYS = "SELECT key FROM search.documents WHERE id = ANY($1::text[])"
_DELETE = "DELETE FROM search.documents WHERE key = ANY($1::integer[])"
# The vector of a passage is that of what it says under the document's title.
_FORGET = """
UPDATE search.passages SET model = NULL, embedding = NULL WHERE document_key = ANY($1::integer[]) AND kind <> 'title'
"""
_EMBED = "SELECT pg_notify('search_passages', '')"


@dataclass(frozen=True, slots=True)
class Indexed:
    """How many of the documents given were written, and how many were in the index as they are."""

    indexed: int = 0
    unchanged: int = 0


async def index(connection: Connection, documents: Sequence[Document]) -> Indexed:
    """Put the documents into the index, in a transaction for each batch; of several with one id the last one counts.

    A document that is there as it is costs a look and no write. Passages whose text stays keep their vectors.
    """
    digests = {document.id: digest(document) for document in documents}
    newest = {document.id: document for document in documents}
    known = {row["id"]: row["digest"] for row in await connection.fetch(_KNOWN, list(newest))}
    changed = [document for id_, document in newest.items() if known.get(id_) != digests[id_]]
    for batch in _batches(changed):
        async with connection.transaction():
            await _write(connection, batch, digests)
    same = {document.id for document in newest.values()} - {document.id for document in changed}
    unchanged = sum(document.id in same for document in documents)
    return Indexed(indexed=len(documents) - unchanged, unchanged=unchanged)


async def remove(connection: Connection, ids: Sequence[str]) -> int:
    """Take the documents out of the index; how many were there."""
    async with connection.transaction():
        await _begin(connection)
        keys = [row["key"] for row in await connection.fetch(_KEYS, ids)]
        if keys:
            await postings.write(connection, {}, keys)
            await connection.execute(_DELETE, keys)
    return len(keys)


async def count(connection: Connection) -> int:
    """How many documents the index holds."""
    documents: int = await connection.fetchval("SELECT documents FROM search.corpus")
    return documents


async def _write(connection: Connection, batch: Sequence[Document], digests: dict[str, bytes]) -> None:
    terms = await analyse(connection, [indexed_text(document) for document in batch])
    await _begin(connection)
    titles = {row["id"]: row["title"] for row in await connection.fetch(_KNOWN, [document.id for document in batch])}
    lengths = [counts.total() for counts in terms]
    keys = await put_documents(connection, batch, digests, lengths)
    old = [keys[id_] for id_ in titles]
    retitled = [keys[document.id] for document in batch if titles.get(document.id, document.title) != document.title]
    await postings.write(connection, dict(zip((keys[d.id] for d in batch), terms, strict=True)), old)
    written = await write_passages(connection, {keys[document.id]: document.passages for document in batch}, old)
    if retitled:
        await connection.execute(_FORGET, retitled)
    if written or retitled:
        await connection.execute(_EMBED)


async def _begin(connection: Connection) -> None:
    await connection.execute(_PLAN_FOR_VALUES)
    await connection.execute(_LOCK)


def _batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += sum(len(text) for text in chain((p.text for p in document.passages), (document.title,)))
        if len(batch) == BATCH_DOCUMENTS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
