"""PagerDuty's REST API v2: one request at a time, paced, tried again where that may help.

https://developer.pagerduty.com/docs/rest-api-overview. A key has 960 requests a minute, and PagerDuty asks for serial
ones. Its answers carry `ratelimit-remaining` and `ratelimit-reset`; but a 429 may lack them, and a 401 or 5xx may be
HTML or empty.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn, Self

import httpx2
import structlog
from aiolimiter import AsyncLimiter

from em_agent.addresses import goes_direct
from em_agent.errors import UnauthenticError
from em_agent.integrations.pagerduty import limits, readable
from em_agent.integrations.pagerduty.failures import GoneError, NotPermittedError, RefusedError, UnavailableError
from em_agent.kit import json

ACCEPT = "application/vnd.pagerduty+json;version=2"
ANSWER_SECONDS = 20.0
PATIENCE_SECONDS = 120.0
ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 30.0
_MOST_DOUBLINGS = 32
# A burst of 58 and then 14.5 a second: in no minute more than 928 requests.
BURST, BURST_SECONDS = 58, 4.0

Parameters = Sequence[tuple[str, str]]

log = structlog.get_logger()


class _AgainError(Exception):
    """This attempt failed, by the outcome named, in a way that another may not."""

    def __init__(self, outcome: str, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.wait_seconds = wait_seconds


class PagerDutyApi:
    """A client of one account; `requests` counts what it cost, attempts that failed included."""

    def __init__(  # noqa: PLR0913 - how patient it is
        self,
        url: str,
        token: str,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        first_wait_seconds: float = 0.5,
        pace: AsyncLimiter | None = None,
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Ask at `url`; one question is tried for at most `patience_seconds`. `observe` gets each attempt's outcome."""
        self.requests = 0
        self._patience_seconds = patience_seconds
        self._answer_seconds = answer_seconds
        self._first_wait_seconds = first_wait_seconds
        self._observe = observe
        self._turn = asyncio.Lock()
        self._pace = pace or AsyncLimiter(BURST, BURST_SECONDS)
        self._held_until = 0.0
        self._client = httpx2.AsyncClient(
            base_url=url,
            headers={"Accept": ACCEPT, "Authorization": authorization(token), "User-Agent": "em-agent"},
            timeout=answer_seconds,
            trust_env=not goes_direct(url),
        )

    async def __aenter__(self) -> Self:
        """Connections are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        await self._client.aclose()

    async def get(self, path: str, parameters: Parameters = ()) -> Mapping[str, Any]:
        """The object that PagerDuty answers.

        Raises:
            UnauthenticError: the token is none, or no longer.
            NotPermittedError: it may not read this.
            GoneError: there is no such thing.
            RefusedError: the question is wrong.
            UnavailableError: no proper answer came, however often it was asked for.

        """
        async with self._turn:
            deadline = time.monotonic() + self._patience_seconds
            failures = limited = 0
            while True:
                await self._wait(max(0.0, self._held_until - time.monotonic()), deadline, path, "the rate limit")
                try:
                    answer = await self._ask(path, parameters)
                except _AgainError as error:
                    self._observe(error.outcome)
                    is_limited = error.outcome == "limited"
                    limited += is_limited
                    failures += not is_limited
                    if failures >= ATTEMPTS:
                        _give_up(path, str(error), LONGEST_WAIT_SECONDS)
                    # At once is too soon, even where PagerDuty says so.
                    wait = max(self._backoff(limited if is_limited else failures), error.wait_seconds or 0.0)
                    log.warning("pagerduty.again", path=path, reason=str(error), seconds=round(wait, 2))
                    await self._wait(wait, deadline, path, str(error))
                else:
                    self._observe("ok")
                    return answer

    async def _ask(self, path: str, parameters: Parameters) -> Mapping[str, Any]:
        await self._pace.acquire()
        self.requests += 1
        try:
            async with asyncio.timeout(self._answer_seconds):  # of the whole answer, which may trickle
                response = await self._client.get(path, params=list(parameters))
        except TimeoutError as error:
            raise _AgainError("timeout", f"no answer within {self._answer_seconds:.0f} s") from error
        except httpx2.RequestError as error:
            outcome = "timeout" if isinstance(error, httpx2.TimeoutException) else "broken"
            raise _AgainError(outcome, type(error).__name__) from error
        self._held_until = time.monotonic() + limits.exhausted_for(response.headers)
        if not response.is_success:
            self._refuse(path, response)
        return _read(response)

    def _refuse(self, path: str, response: httpx2.Response) -> NoReturn:
        """Raise what the status means."""
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise _AgainError("limited", "the rate limit", limits.wait_after(response.headers))
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _AgainError("failed", f"status {status}", limits.retry_after(response.headers))
        if status == HTTPStatus.UNAUTHORIZED:
            self._observe("unauthenticated")
            message = "PagerDuty refuses the token: PAGERDUTY_API_TOKEN is not, or no longer, one of its API keys."
            raise UnauthenticError(message)
        self._observe("refused")
        said, code = _error_of(response)
        if status in {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN}:
            message = f"PAGERDUTY_API_TOKEN may not read {path} ({status}{said}): give it the right, or another token."
            raise NotPermittedError(message)
        if status == HTTPStatus.NOT_FOUND:
            message = f"PagerDuty has no {path}."
            raise GoneError(message)
        message = f"PagerDuty refuses {path} ({status}{said}): see whether PAGERDUTY_API_URL is its address."
        raise RefusedError(message, code)

    async def _wait(self, seconds: float, deadline: float, path: str, reason: str) -> None:
        if time.monotonic() + seconds > deadline:
            _give_up(path, reason, seconds)
        if seconds:
            await asyncio.sleep(seconds)

    def _backoff(self, failures: int) -> float:
        """Twice as long each time, and anything between a half and the whole of it: others wait, too."""
        longest: float = min(self._first_wait_seconds * 2.0 ** min(failures, _MOST_DOUBLINGS), LONGEST_WAIT_SECONDS)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def authorization(token: str) -> str:
    """The header for the token: one with its scheme as it is, an OAuth access token as a bearer, any other as a key."""
    if token.startswith(("Bearer ", "Token token=")):
        return token
    return f"Bearer {token}" if token.startswith(("pdus+_", "pdeu+_")) else f"Token token={token}"


def _read(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        document = readable.loads(response.content)
    except ValueError as error:
        raise _AgainError("broken", "a body that is not whole JSON") from error
    if not isinstance(document, dict):
        raise _AgainError("broken", "a body that is no object")
    return document


def _error_of(response: httpx2.Response) -> tuple[str, int | None]:
    """What PagerDuty says in `{"error": {"message": …, "code": …, "errors": […]}}`, and its number."""
    try:
        stated = json.loads(response.content)["error"]
        code, parts = stated.get("code"), [stated.get("message"), *(stated.get("errors") or ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", None
    said = " ".join(" ".join(str(part).split()) for part in parts if part)[:200]
    return f": {said}" if said else "", code if isinstance(code, int) else None


def _give_up(path: str, reason: str, retry_after_seconds: float) -> NoReturn:
    message = f"PagerDuty does not answer {path} ({reason}); try again later."
    raise UnavailableError(message, retry_after_seconds)
