"""How long PagerDuty's answers ask to wait.

    ratelimit-limit: 960
    ratelimit-remaining: 0
    ratelimit-reset: 17          (seconds)

https://developer.pagerduty.com/docs/rest-api-rate-limits
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Some gateways tell the moment instead of the seconds until then.
_EPOCH = 1_000_000_000


def exhausted_for(headers: Mapping[str, str]) -> float:
    """The seconds until another request is allowed, as an answer's headers have it; 0 where one is now."""
    remaining = _number(headers.get("ratelimit-remaining"))
    return (_reset(headers) or 0.0) if remaining is not None and remaining < 1 else 0.0


def wait_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a 429 asks to wait; None where it does not say."""
    wait = retry_after(headers)
    return wait if wait is not None else _reset(headers)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a `Retry-After`, which may be a date; None where there is none."""
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _reset(headers: Mapping[str, str]) -> float | None:
    seconds = _number(headers.get("ratelimit-reset"))
    if seconds is not None and seconds > _EPOCH:
        seconds = max(0.0, seconds - time.time())
    return seconds


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None
