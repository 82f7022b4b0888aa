"""Many documents in one request."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ValidationError

from em_agent.api.errors import sentence
from em_agent.domain.documents import Document
from em_agent.errors import InvalidError, TooLargeError
from em_agent.kit import json
from em_agent.kit.postgres import Pool
from em_agent.search import store
from em_agent.search.own_documents import OwnDocument, to_document

BULK_LIMIT_BYTES = 32 << 20
# What is read and cut between two moments in which others have their turn.
_SLICE_DOCUMENTS = 200
_SLICE_CHARACTERS = 200_000
_TOLD_FAILURES = 1_000


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
        TooLargeError: the body is over the limit.
        InvalidError: it is no such body.

    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BULK_LIMIT_BYTES:
            message = f"The body is longer than {BULK_LIMIT_BYTES >> 20} MiB: send the documents in several requests."
            raise TooLargeError(message)
    try:
        content = json.loads(bytes(body))
    except ValueError as error:
        message = "The body is not JSON."
        raise InvalidError(message) from error
    documents = content.get("documents") if isinstance(content, dict) else None
    if not isinstance(documents, list):
        message = 'The body has to be {"documents": [...]}.'
        raise InvalidError(message)
    return documents


async def index_bulk(pool: Pool, given: Sequence[Any]) -> IndexAnswer:
    """Index what can be read of the documents given."""
    answer = IndexAnswer(indexed=0, unchanged=0, failed=0, failures=[])
    async with pool.acquire() as connection:
        for documents in _slices(given, answer):
            counts = await store.index(connection, documents)
            answer.indexed += counts.indexed
            answer.unchanged += counts.unchanged
    return answer


def _slices(given: Sequence[Any], answer: IndexAnswer) -> Iterator[list[Document]]:
    documents: list[Document] = []
    characters = 0
    for place, one in enumerate(given):
        try:
            own = OwnDocument.model_validate(one)
        except ValidationError as error:
            _note(answer, place, one, sentence(error.errors(), whole="the document"))
            continue
        documents.append(to_document(own))
        characters += len(own.text)
        if len(documents) == _SLICE_DOCUMENTS or characters > _SLICE_CHARACTERS:
            yield documents
            documents, characters = [], 0
    yield documents


def _note(answer: IndexAnswer, place: int, one: object, detail: str) -> None:
    answer.failed += 1
    if len(answer.failures) < _TOLD_FAILURES:
        id_ = one.get("id") if isinstance(one, dict) else None
        answer.failures.append(Failure(index=place, id=id_ if isinstance(id_, str) else None, detail=detail))
