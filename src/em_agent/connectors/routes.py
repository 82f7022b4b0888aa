"""`POST /crawl/pagerduty`."""

import math
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from em_agent.connectors.crawl import Crawler
from em_agent.connectors.selection import MOST, NEWEST, STATUSES, read_body
from em_agent.errors import PermanentError
from em_agent.integrations.pagerduty.failures import UnavailableError

PATH = "/crawl/pagerduty"
LONGEST_BODY = 64 * 1024

_TIME = {"type": ["string", "null"], "description": "An ISO 8601 time or date."}
_BODY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "statuses": {"type": ["array", "null"], "items": {"enum": list(STATUSES)}, "description": "Default: all."},
        "limit": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MOST,
            "default": NEWEST,
            "description": "How many, the newest first; null for all of them.",
        },
        "since": _TIME,
        "until": _TIME,
        "all": {"type": "boolean", "default": False, "description": "All there are, whatever `limit` says."},
        "alerts": {"type": "boolean", "default": False, "description": "Their alerts, too: a request for each."},
    },
}


class CrawlOutcome(BaseModel):
    """What a crawl brought: `indexed` counts its incidents that are now in the index, `unchanged` ones among them."""

    indexed: int
    fetched: int
    unchanged: int
    failed: int
    gone: int
    requests: int
    run: int
    reasons: list[str]


def router(crawler: Crawler | None, timezone: ZoneInfo) -> APIRouter:
    """The route, which crawls with `crawler`; without one it says that a token is needed."""
    routes = APIRouter(tags=["crawls"])

    @routes.post(
        PATH,
        responses={status: {"description": "An error."} for status in (400, 401, 403, 409, 413, 422, 502, 503)},
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": _BODY}}, "required": False}},
        response_model=CrawlOutcome,
    )
    async def crawl_pagerduty(request: Request) -> CrawlOutcome | Response:
        """Read incidents with their notes and log entries, and answer when they are in the index."""
        if crawler is None:
            raise HTTPException(400, "PAGERDUTY_API_TOKEN is not set: make a read-only API key in PagerDuty.")
        selection = read_body(await request.body(), timezone)
        try:
            run = await crawler.crawl(selection)
        except UnavailableError as error:
            detail = f"{error} What was read so far is kept, and the next such crawl goes on from there."
            return _problem(503, detail, retry_after=math.ceil(error.retry_after_seconds))
        except PermanentError as error:
            return _problem(502, str(error))
        return CrawlOutcome(
            indexed=run.indexed,
            fetched=run.fetched,
            unchanged=run.unchanged,
            failed=run.failed,
            gone=run.gone,
            requests=run.requests,
            run=run.id,
            reasons=run.reasons,
        )

    return routes


def _problem(status: int, detail: str, *, retry_after: int | None = None) -> Response:
    headers = {"Retry-After": str(max(1, retry_after))} if retry_after is not None else {}
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)
