"""Lists that PagerDuty gives by offset: https://developer.pagerduty.com/docs/pagination.

What is created or deleted meanwhile moves the rows. A row that comes twice does no harm. A row that is skipped would be
lost: so each page begins with the row that ended the one before, and where it does not, we step back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from em_agent.integrations.pagerduty.api import PagerDutyApi, Parameters
from em_agent.integrations.pagerduty.failures import RefusedError
from em_agent.integrations.pagerduty.rows import Row

PAGE = 100
# offset + limit above this is refused with 400, code 2002.
CAP = 10_000
_CAP_CODE = 2002
_STEPS_BACK = (10, PAGE, 10 * PAGE)

log = structlog.get_logger()


class CapReachedError(Exception):
    """There is more behind the last offset that PagerDuty allows: ask for less at once."""


@dataclass(frozen=True)
class Listing:
    """A list: where it is, the member of the answer that holds it, and what it is to be asked for."""

    path: str
    member: str
    parameters: Parameters = ()


@dataclass(frozen=True)
class Place:
    """Where to go on: behind `offset` rows, of which the last were those with the ids in `tail`."""

    offset: int = 0
    tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """The rows of a page that were not in the one before, and how many the whole list has, where that is told."""

    rows: Sequence[Row]
    total: int | None
    place: Place
    has_more: bool


async def next_page(api: PagerDutyApi, listing: Listing, place: Place, size: int = PAGE) -> Page:
    """The page that begins at `place`, or somewhat before it if rows have moved.

    Raises:
        CapReachedError: the place is behind what PagerDuty lists.
        EmAgentError: as `PagerDutyApi.get`.

    """
    if place.offset >= CAP:
        raise CapReachedError
    offset = place.offset - 1 if place.tail else place.offset
    page = await _page_at(api, listing, offset, size)
    for step in _STEPS_BACK:
        if not place.tail or offset == 0 or (page.place.tail and page.place.tail[0] in place.tail):
            break
        offset = max(0, place.offset - 1 - step)
        log.info("pagerduty.rows_moved", path=listing.path, offset=offset)
        page = await _page_at(api, listing, offset, size)
    if page.has_more and offset < place.offset >= page.place.offset and page.place.tail == place.tail[-1:]:
        page = await _page_at(api, listing, place.offset, size)  # pages of one row would never get on
    known = set(place.tail)
    return Page([row for row in page.rows if row.get("id") not in known], page.total, page.place, page.has_more)


async def _page_at(api: PagerDutyApi, listing: Listing, offset: int, size: int) -> Page:
    limit = min(size, CAP - offset)
    if limit <= 0:
        raise CapReachedError
    paging = [("limit", str(limit)), ("offset", str(offset)), ("total", "true")]
    try:
        answer = await api.get(listing.path, [*listing.parameters, *paging])
    except RefusedError as error:
        if error.code == _CAP_CODE and offset:
            raise CapReachedError from error
        raise
    stated, total = answer.get(listing.member), answer.get("total")
    rows = [row for row in stated if isinstance(row, dict)] if isinstance(stated, list) else []
    ids = tuple(str(row.get("id")) for row in rows)
    total = total if isinstance(total, int) and not isinstance(total, bool) else None
    return Page(rows, total, Place(offset + len(rows), ids), has_more=bool(rows) and answer.get("more") is True)
