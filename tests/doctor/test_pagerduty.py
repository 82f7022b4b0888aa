"""What the doctor says of PagerDuty's REST API."""

from collections.abc import AsyncIterator

import pytest

from em_agent.doctor.pagerduty import examine_crawls, examine_pagerduty
from em_agent.doctor.report import Status
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.kit.postgres import Pool
from tests.fake_pagerduty import ADMIN, FakePagerDuty, Token, fail, generate, pagerduty_on


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    """An account of a few incidents."""
    async with pagerduty_on(FakePagerDuty(generate(5))) as serving:
        yield serving


async def test_what_a_token_may_read(fake: FakePagerDuty) -> None:
    """A good token is ok; one that lacks a right warns of it; none, a wrong one and silence are told apart."""
    (none,) = await examine_pagerduty(None)
    assert none.status is Status.WARN
    expected = [(Token(), Status.OK, "notes"), (Token((r".*/notes",)), Status.WARN, "no notes"),
                (Token((r".*log_entries", r".*/notes")), Status.WARN, "no log entries and no notes"), (Token(("/incidents",)), Status.FAIL, "/incidents")]  # fmt: skip
    for token, status, said in expected:
        fake.tokens = {ADMIN: token}
        async with PagerDutyApi(fake.url, ADMIN) as api:
            (check,) = await examine_pagerduty(api)
        assert (check.status, said in check.detail) == (status, True)
    async with PagerDutyApi(fake.url, "wrong") as api:
        (check,) = await examine_pagerduty(api)
    assert (check.status, "PAGERDUTY_API_TOKEN" in check.detail) == (Status.FAIL, True)
    fake.faults = [fail(500, times=1000)]
    async with PagerDutyApi(fake.url, ADMIN, first_wait_seconds=0.01) as api:
        (check,) = await examine_pagerduty(api)
    assert (check.status, "does not answer" in check.detail) == (Status.FAIL, True)


async def test_how_old_the_history_is(database_url: str, pool: Pool) -> None:
    """None yet, one that failed and an old one warn."""
    (check,) = await examine_crawls(database_url, every_seconds=900)
    assert (check.status, "--all" in (check.advice or "")) == (Status.WARN, True)
    await pool.execute("INSERT INTO crawl_marks VALUES ('pagerduty', now() - interval '10 minutes')")
    (check,) = await examine_crawls(database_url, every_seconds=900)
    assert (check.status, "10 min" in check.detail) == (Status.OK, True)
    (check,) = await examine_crawls(database_url, every_seconds=60)
    assert check.status is Status.WARN
    await pool.execute(
        "INSERT INTO crawl_runs (source, mode, state, finished_at, reasons) VALUES ('pagerduty', 'full', 'failed', now(), '[\"It broke.\"]')"
    )
    (check,) = await examine_crawls(database_url, every_seconds=900)
    assert (check.status, "It broke." in check.detail) == (Status.WARN, True)
