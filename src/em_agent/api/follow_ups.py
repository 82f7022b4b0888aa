"""`GET /v1/follow-ups`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from em_agent.api.answers import described, page_answer
from em_agent.api.backend import UseBackend
from em_agent.api.errors import problems
from em_agent.api.parameters import known_only
from em_agent.domain.times import parse_window, parse_zone
from em_agent.metrics.follow_ups import FollowUpPage, FollowUpQuery, Tracker, find_follow_ups, table
from em_agent.metrics.parameters import Format

router = APIRouter(prefix="/v1/follow-ups", tags=["incidents"], dependencies=[Depends(known_only)])


@router.get(
    "",
    summary="Issues that belong to incidents",
    response_model=FollowUpPage,
    responses={**described("A page of follow-ups."), **problems(401, 403, 422, 503)},
)
async def list_follow_ups(  # noqa: PLR0913 - each is a parameter of the request
    backend: UseBackend,
    done: Annotated[bool | None, Query(description="Only those that are done, or only those that are not.")] = None,
    since: Annotated[str | None, Query(description="Time or date; an incident was triggered from here on.")] = None,
    until: Annotated[str | None, Query(description="Time or date; an incident was triggered before it.")] = None,
    service: Annotated[list[str], Query(description="An incident's service, id or name; may repeat.")] = [],  # noqa: B006
    source: Annotated[list[Tracker], Query(description="The tracker; may repeat.")] = [],  # noqa: B006
    timezone: Annotated[str | None, Query(description="IANA name, for dates; default the setting.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    format: Format = "json",  # noqa: A002 - the parameter's name
) -> Response:
    """Follow-ups, the newest first, with their incidents. CSV has the cursor in `X-Next-Cursor`."""
    zone = parse_zone(timezone) if timezone else backend.timezone
    begin, end = parse_window(since, until, zone)
    query = FollowUpQuery(
        since=begin,
        until=end,
        services=[name for name in service if name],
        sources=source,
        is_done=done,
        limit=limit,
        cursor=cursor or None,
    )
    return page_answer(await find_follow_ups(backend.pool, query), table, format)
