"""Many documents in one request."""

from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
import structlog
from fastapi import Request
from pydantic import BaseModel, ValidationError

from em_agent.api.errors import sentence
from em_agent.domain.documents import Document
from em_agent.errors import InvalidError
from em_agent.kit import json
from em_agent.kit.postgres import UNREACHABLE, Connection, Pool
from em_agent.search import store
from em_agent.search.own_documents import OwnDocument, to_document
from em_agent.search.store import Indexed

# What is read and cut between two moments in which others have their turn.
_SLICE_DOCUMENTS = 200
_SLICE_CHARACTERS = 200_000
_TOLD_FAILURES = 1_000

log = structlog.get_logger()


class Failure(BaseModel):
    """A document that was not indexed: its place in the request, its id if it has one, and why."""

    index: int
    id: str | None
    detail: str


class IndexAnswer(BaseModel):
    """How many documents were indexed, how many were there as they are, how many failed; the reasons of the first."""

    indexed: int
    unchanged: int
    failed: int
    failures: list[Failure]


async def read_bulk(request: Request) -> list[Any]:
    """The documents of the body, not looked at yet.

    Raises:
        InvalidError: it is no such body.

    """
    try:
        content = json.loads(await request.body())
    except ValueError as error:
        message = "The body is not JSON."
        raise InvalidError(message) from error
    documents = content.get("documents") if isinstance(content, dict) else None
    if not isinstance(documents, list):
        message = 'The body has to be {"documents": [...]}.'
        raise InvalidError(message)
    return documents


async def index_bulk(pool: Pool, given: Sequence[Any]) -> IndexAnswer:
    """Index what can be read and stored of the documents given."""
    answer = IndexAnswer(indexed=0, unchanged=0, failed=0, failures=[])
    async with pool.acquire() as connection:
        for part in _slices(given, answer):
            try:
                _add(answer, await store.index(connection, [document for _, document in part]))
            except UNREACHABLE:
                raise
            except asyncpg.PostgresError:
                await _index_each(connection, part, answer)
    return answer


async def _index_each(connection: Connection, part: Sequence[tuple[int, Document]], answer: IndexAnswer) -> None:
    """One that PostgreSQL refuses holds up no other."""
    for place, document in part:
        try:
            _add(answer, await store.index(connection, [document]))
        except UNREACHABLE:
            raise
        except asyncpg.PostgresError as error:
            log.warning("search.document_refused", id=document.id, error=repr(error))
            _note(answer, place, document.id, f"the document: it cannot be stored: {error}.")


def _add(answer: IndexAnswer, counts: Indexed) -> None:
    answer.indexed += counts.indexed
    answer.unchanged += counts.unchanged


def _slices(given: Sequence[Any], answer: IndexAnswer) -> Iterator[list[tuple[int, Document]]]:
    """The documents that can be read, each with its place; those that cannot are noted."""
    part: list[tuple[int, Document]] = []
    characters = 0
    for place, one in enumerate(given):
        try:
            own = OwnDocument.model_validate(one)
        except ValidationError as error:
            id_ = one.get("id") if isinstance(one, dict) else None
            _note(answer, place, id_, sentence(error.errors(), whole="the document"))
            continue
        part.append((place, to_document(own)))
        characters += len(own.text)
        if len(part) == _SLICE_DOCUMENTS or characters > _SLICE_CHARACTERS:
            yield part
            part, characters = [], 0
    yield part


def _note(answer: IndexAnswer, place: int, id_: object, detail: str) -> None:
    answer.failed += 1
    if len(answer.failures) < _TOLD_FAILURES:
        answer.failures.append(Failure(index=place, id=id_ if isinstance(id_, str) else None, detail=detail))
