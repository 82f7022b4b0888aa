"""The client of PagerDuty's REST API: its patience and its manners."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog.testing
from aiolimiter import AsyncLimiter

from em_agent.errors import UnauthenticError
from em_agent.integrations.pagerduty import limits, readable
from em_agent.integrations.pagerduty.api import BURST, BURST_SECONDS, PagerDutyApi, authorization
from em_agent.integrations.pagerduty.failures import GoneError, NotPermittedError, RefusedError, UnavailableError
from tests.fake_pagerduty import (
    ADMIN,
    FakePagerDuty,
    Token,
    cut,
    fail,
    garble,
    generate,
    hang,
    pagerduty_on,
    reset,
    say,
)


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    """An account of a few incidents."""
    async with pagerduty_on(FakePagerDuty(generate(5))) as serving:
        yield serving


def client(fake: FakePagerDuty, token: str = ADMIN, **options: Any) -> PagerDutyApi:
    """A client that is quick to try again."""
    settings: dict[str, Any] = {"first_wait_seconds": 0.01, "answer_seconds": 1.0, "pace": AsyncLimiter(1000, 1)}
    return PagerDutyApi(fake.url, token, **{**settings, **options})


@pytest.mark.parametrize(
    ("token", "header"),
    [
        ("y_NbAkKc66ryYTWUXYEu", "Token token=y_NbAkKc66ryYTWUXYEu"),
        ("pdus+_0XBPWQQ_123", "Bearer pdus+_0XBPWQQ_123"),
        ("pdeu+_0XBPWQQ_123", "Bearer pdeu+_0XBPWQQ_123"),
        ("Bearer abc", "Bearer abc"),
        ("Token token=abc", "Token token=abc"),
    ],
)
def test_authorization(token: str, header: str) -> None:
    """Keys and OAuth tokens are told apart by their form."""
    assert authorization(token) == header


def test_pace_is_within_the_limit() -> None:
    """In no minute there are more requests than a key has."""
    assert BURST + 60 * BURST / BURST_SECONDS < 960


@pytest.mark.parametrize(
    "fault",
    [
        fail(500),
        fail(503),
        fail(408),
        fail(502, html=True),
        garble(),
        cut(),
        reset(),
        hang(1.5),
        say(200, b""),
        say(429, b""),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_tries_again(fake: FakePagerDuty, fault: Any) -> None:
    """What may pass is tried again, and each attempt is counted."""
    fake.faults = [fault]
    outcomes: list[str] = []
    async with client(fake, observe=outcomes.append) as api:
        assert len((await api.get("/incidents", [("date_range", "all")]))["incidents"]) == 5
        assert api.requests == fake.count == 2
    assert len(outcomes) == 2
    assert outcomes[1] == "ok"


async def test_gives_up(fake: FakePagerDuty) -> None:
    """After six attempts, or when the time is over, it says when to come again."""
    fake.faults = [fail(500, times=1000)]
    async with client(fake) as api:
        with pytest.raises(UnavailableError, match="status 500"):
            await api.get("/incidents")
        assert api.requests == 6
    fake.faults = [say(429, b"", {"retry-after": "3600"})]
    async with client(fake) as api:
        with pytest.raises(UnavailableError) as refused:
            await api.get("/incidents")
        assert refused.value.retry_after_seconds == 3600


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (401, UnauthenticError),
        (402, NotPermittedError),
        (403, NotPermittedError),
        (404, GoneError),
        (400, RefusedError),
        (302, RefusedError),
    ],
)
async def test_what_trying_again_cannot_mend(fake: FakePagerDuty, status: int, family: type[Exception]) -> None:
    """A refusal is told at once, by its family."""
    fake.faults = [say(status, b"<html>", {"location": "http://127.0.0.1:1/"})]
    async with client(fake) as api:
        with pytest.raises(family):
            await api.get("/incidents")
        assert api.requests == 1


async def test_obeys_the_limit(fake: FakePagerDuty) -> None:
    """Once an answer says that nothing remains, the next request waits for the reset."""
    fake.rate_limit, fake.rate_seconds = 3, 1.0
    async with client(fake) as api:
        for _ in range(7):
            await api.get("/abilities")
    assert fake.limited == 0


async def test_obeys_a_429(fake: FakePagerDuty) -> None:
    """A 429 with its time is waited out."""
    for headers in ({"retry-after": "1"}, {"ratelimit-reset": "1", "ratelimit-remaining": "0"}):
        fake.faults = [say(429, b"", headers)]
        async with client(fake) as api:
            begun = time.monotonic()
            await api.get("/abilities")
            assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.parametrize("headers", [{"retry-after": "0"}, {"ratelimit-reset": "0", "ratelimit-remaining": "0"}])
async def test_a_429_without_a_wait(fake: FakePagerDuty, headers: dict[str, str]) -> None:
    """A 429 that asks for no wait is waited out all the same, longer each time, until the time is over."""
    fake.faults = [say(429, b"", headers, times=2000)]
    async with client(fake, patience_seconds=1.0) as api:
        with pytest.raises(UnavailableError, match="the rate limit"):
            await api.get("/abilities")
        assert 3 <= api.requests <= 12


async def test_one_at_a_time(fake: FakePagerDuty) -> None:
    """Requests of one client never overlap."""
    fake.faults = [hang(0.05, times=3)]
    async with client(fake) as api:
        await asyncio.gather(*(api.get("/abilities") for _ in range(8)))
    assert fake.most_at_once == 1


async def test_token_is_never_logged(fake: FakePagerDuty) -> None:
    """Neither the log nor an error has the token."""
    fake.faults = [fail(500, times=2), reset(times=1, skip=2)]
    fake.tokens = {"very-secret-token": Token(forbidden=("/incidents",))}
    with structlog.testing.capture_logs() as lines:
        async with client(fake, "very-secret-token") as api:
            with pytest.raises(NotPermittedError) as refused:
                await api.get("/incidents")
        async with client(fake, "another-secret-token") as api:
            with pytest.raises(UnauthenticError) as unknown:
                await api.get("/incidents")
    assert "secret" not in f"{lines}{refused.value!r}{unknown.value!r}"


def test_limits() -> None:
    """Seconds, dates and moments are read; nonsense is none."""
    assert limits.retry_after({"retry-after": "7"}) == 7
    assert limits.retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert limits.retry_after({"retry-after": "soon"}) is None
    assert limits.wait_after({"ratelimit-reset": "5"}) == 5
    assert 8 < (limits.wait_after({"ratelimit-reset": str(int(time.time()) + 10)}) or 0) <= 10
    assert limits.wait_after({"ratelimit-reset": "-3"}) is None
    assert limits.exhausted_for({"ratelimit-remaining": "0", "ratelimit-reset": "4"}) == 4
    assert limits.exhausted_for({"ratelimit-remaining": "1", "ratelimit-reset": "4"}) == 0
    assert limits.exhausted_for({}) == 0


def test_readable() -> None:
    """What no text of PostgreSQL can hold is replaced, in keys too; pairs of halves stay what they are."""
    document = readable.loads(b'{"a\\u0000": ["\\ud83d\\ude00", "\\ud83d", "b\\u0000c", 1, null]}')
    assert document == {"a\ufffd": ["😀", "\ufffd", "b\ufffdc", 1, None]}
    with pytest.raises(ValueError, match="utf-8"):
        readable.loads(b'{"a": "\xff"}')
