"""Walking a list whose rows move."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiolimiter import AsyncLimiter

from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.integrations.pagerduty.paging import CAP, CapReachedError, Listing, Place, next_page
from tests.fake_pagerduty import ADMIN, FakePagerDuty, generate, pagerduty_on

NEWEST = Listing("/incidents", "incidents", [("date_range", "all"), ("sort_by", "created_at:desc")])


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    """An account of 450 incidents."""
    async with pagerduty_on(FakePagerDuty(generate(450))) as serving:
        yield serving


async def walk(fake: FakePagerDuty, size: int = 100) -> list[str]:
    """The ids of every row, in their order."""
    found: list[str] = []
    place, has_more = Place(), True
    async with PagerDutyApi(fake.url, ADMIN, pace=AsyncLimiter(100_000, 1)) as api:
        while has_more:
            page = await next_page(api, NEWEST, place, size)
            place, has_more = page.place, page.has_more
            found += [str(row["id"]) for row in page.rows]
    return found


async def test_every_row_once(fake: FakePagerDuty) -> None:
    """Where nothing moves each row comes once, in as many pages as there are hundreds."""
    assert await walk(fake) == [incident.id for incident in fake.account.by_time[::-1]]
    assert fake.count == 5


@pytest.mark.parametrize("deleted", [1, 2, 5, 30, 90])
async def test_rows_that_are_deleted(fake: FakePagerDuty, deleted: int) -> None:
    """Rows deleted before the place make none of the others missing."""

    def happen(_: str) -> None:
        if fake.count == 3:
            for incident in fake.account.by_time[-deleted:]:
                fake.account.delete(incident)

    fake.before.append(happen)
    found = await walk(fake)
    assert set(found) >= set(fake.account.incidents)
    assert fake.count <= 5 + 3


async def test_rows_that_are_added(fake: FakePagerDuty) -> None:
    """Rows added before the place make some come twice at most."""
    begun = set(fake.account.incidents)

    def happen(_: str) -> None:
        if fake.count == 3:
            for second in range(40):
                fake.account.trigger(datetime.now(UTC) + timedelta(seconds=second))

    fake.before.append(happen)
    assert set(await walk(fake)) >= begun


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_small_pages(fake: FakePagerDuty, size: int) -> None:
    """Pages of any size get to the end."""
    for incident in fake.account.by_time[20:]:
        fake.account.delete(incident)
    assert await walk(fake, size) == [incident.id for incident in fake.account.by_time[::-1]]


async def test_the_end_of_what_is_listed(fake: FakePagerDuty) -> None:
    """Behind PagerDuty's last offset nothing is asked."""
    async with PagerDutyApi(fake.url, ADMIN) as api:
        with pytest.raises(CapReachedError):
            await next_page(api, NEWEST, Place(CAP, ("P1",)))
    assert fake.count == 0
