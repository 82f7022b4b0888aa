"""What the crawls of PagerDuty's history brought: `GET /v1/crawls`."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from em_agent.api.backend import UseBackend
from em_agent.api.errors import problems
from em_agent.api.parameters import known_only
from em_agent.events import crawls

router = APIRouter(prefix="/v1/crawls", tags=["crawls"], dependencies=[Depends(known_only)])


class Crawl(BaseModel):
    """One crawl. `reasons` are the first few of what failed or could not be read; `indexed` counts `unchanged` ones."""

    id: int
    source: str
    mode: str
    parameters: dict[str, Any]
    state: str
    started_at: datetime
    finished_at: datetime | None
    fetched: int
    indexed: int
    unchanged: int
    failed: int
    gone: int
    requests: int
    reasons: list[str]


class Crawls(BaseModel):
    """The newest crawls."""

    crawls: list[Crawl]


@router.get("", responses=problems(401, 403, 422, 503))
async def list_crawls(
    backend: UseBackend,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="Only those with a smaller id.")] = None,
) -> Crawls:
    """The crawls, newest first."""
    found = await crawls.newest(backend.pool, limit=limit, before=before)
    return Crawls(crawls=[_crawl(run) for run in found])


@router.get("/{crawl_id}", responses=problems(401, 403, 404, 422, 503))
async def get_crawl(backend: UseBackend, crawl_id: Annotated[int, Path(ge=0, lt=2**63)]) -> Crawl:
    """One crawl."""
    return _crawl(await crawls.find(backend.pool, crawl_id))


def _crawl(run: crawls.CrawlRun) -> Crawl:
    return Crawl(**{name: getattr(run, name) for name in Crawl.model_fields})
