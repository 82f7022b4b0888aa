"""The memory: `/v1/rag/*` and `GET /v1/incidents/{id}/similar`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ValidationError

from em_agent.api.backend import UseGatewayBackend
from em_agent.api.errors import problems
from em_agent.api.limits import BULK_BYTES
from em_agent.api.parameters import known_only
from em_agent.api.rag_filters import FilterValues, QueryFilters, SearchRequest, to_filters
from em_agent.api.rag_indexing import IndexAnswer, index_bulk, read_bulk
from em_agent.errors import InvalidError, NotFoundError
from em_agent.search import store, vectors
from em_agent.search.exact import INCIDENT_PREFIX
from em_agent.search.own_documents import OwnDocument, to_document
from em_agent.search.query import Outcome
from em_agent.search.similar import find_incident_id

router = APIRouter(prefix="/v1", tags=["memory"], dependencies=[Depends(known_only)])

TopK = Annotated[int, Query(ge=1, le=100, description="How many.")]


class Scores(BaseModel):
    """What the score is made of: BM25 of the words, cosine of the nearest passage; null without a vector."""

    words: float
    meaning: float | None


class Result(BaseModel):
    """A document that was found; the snippet is a verbatim piece of it, `score` is above 1 where it was named."""

    id: str
    title: str
    snippet: str
    score: float
    url: str | None
    source: str
    meta: dict[str, Any]
    scores: Scores


class Results(BaseModel):
    """Documents, best first; `degraded` is there when one side could not be asked, and names it."""

    results: list[Result]
    degraded: list[str] = []


class Deleted(BaseModel):
    """The document that is gone."""

    status: str
    id: str


class IndexStatus(BaseModel):
    """How many documents there are, and how many of their passages wait for a vector."""

    documents: int
    pending_embeddings: int


@router.post("/rag/search", response_model_exclude_unset=True, responses=problems(401, 403, 413, 422, 503))
async def search_documents(backend: UseGatewayBackend, request: SearchRequest) -> Results:
    """The documents that a question is about, by their words and their meaning."""
    filters = to_filters(request.filters, backend.timezone)
    return _results(await backend.search.search(request.q, request.top_k, filters))


@router.post("/rag/index", responses=problems(401, 403, 413, 422, 503))
async def index_document(backend: UseGatewayBackend, document: OwnDocument) -> IndexAnswer:
    """Put a document of your own into the index; its words are found from now on, its meaning soon after."""
    async with backend.pool.acquire() as connection:
        counts = await store.index(connection, [to_document(document)])
    return IndexAnswer(indexed=counts.indexed, unchanged=counts.unchanged, failed=0, failures=[])


@router.post(
    "/rag/index/bulk",
    responses=problems(401, 403, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"Up to {BULK_BYTES >> 20} MiB.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["documents"],
                        "properties": {
                            "documents": {"type": "array", "items": {"$ref": "#/components/schemas/OwnDocument"}}
                        },
                    }
                }
            },
        }
    },
)
async def index_documents(backend: UseGatewayBackend, request: Request) -> IndexAnswer:
    """Put many documents into the index; one that cannot be read is told of and holds up no other."""
    return await index_bulk(backend.pool, await read_bulk(request))


@router.delete("/rag/documents/{document_id:path}", responses=problems(401, 403, 404, 422, 503))
async def delete_document(
    backend: UseGatewayBackend, document_id: Annotated[str, Path(description="The id that you gave it.")]
) -> Deleted:
    """Take a document of your own out of the index."""
    if document_id.startswith(INCIDENT_PREFIX):
        message = "The documents of incidents come and go with the incidents; only your own can be deleted."
        raise InvalidError(message)
    async with backend.pool.acquire() as connection:
        if not await store.remove(connection, [document_id]):
            message = f"There is no document {document_id}."
            raise NotFoundError(message)
    return Deleted(status="deleted", id=document_id)


@router.get("/rag/status", responses=problems(401, 403, 422, 503))
async def read_status(backend: UseGatewayBackend) -> IndexStatus:
    """How far the index is."""
    embedder = backend.search.embedder
    async with backend.pool.acquire() as connection:
        return IndexStatus(
            documents=await store.count(connection),
            pending_embeddings=await vectors.count_pending(connection, embedder.fingerprint) if embedder else 0,
        )


@router.get(
    "/incidents/{id_or_number}/similar", response_model_exclude_unset=True, responses=problems(401, 403, 404, 422, 503)
)
async def find_similar(
    backend: UseGatewayBackend,
    id_or_number: Annotated[str, Path(description="PagerDuty's id, or the number.")],
    given: Annotated[QueryFilters, Depends()],
    top_k: TopK = 5,
) -> Results:
    """Documents like this incident, most like it first; itself is not among them."""
    try:
        values = FilterValues(**{name: value for name, value in vars(given).items() if value})
    except ValidationError as error:
        raise InvalidError(error.errors()[0]["msg"]) from error
    filters = to_filters(values, backend.timezone)
    async with backend.pool.acquire() as connection:
        document_id = await find_incident_id(connection, id_or_number)
    return _results(await backend.search.similar(document_id, top_k, filters))


def _results(outcome: Outcome) -> Results:
    results = [
        Result(
            id=hit.id,
            title=hit.title,
            snippet=hit.snippet,
            score=hit.score,
            url=hit.url,
            source=hit.source,
            meta=dict(hit.meta),
            scores=Scores(words=hit.words, meaning=hit.meaning),
        )
        for hit in outcome.hits
    ]
    return Results(results=results, degraded=list(outcome.degraded)) if outcome.degraded else Results(results=results)
