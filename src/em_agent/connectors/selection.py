"""Which incidents a crawl is to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from em_agent.domain.times import check_window, parse_moment, parse_time
from em_agent.errors import InvalidError
from em_agent.integrations.pagerduty.rows import Row
from em_agent.kit import json

STATUSES = ("triggered", "acknowledged", "resolved")
NEWEST = 100
MOST = 1_000_000
_NAMES = ("statuses", "limit", "since", "until", "all", "alerts")


@dataclass(frozen=True)
class Selection:
    """The newest `limit` incidents of those statuses that were created in [since, until); no statuses are all."""

    statuses: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = NEWEST
    alerts: bool = False

    @property
    def has_dates(self) -> bool:
        """Whether only a part of history is asked for."""
        return self.since is not None or self.until is not None

    @property
    def is_all(self) -> bool:
        """Whether no incident is left out."""
        return not self.statuses and not self.has_dates and self.limit is None

    @property
    def parameters(self) -> dict[str, Any]:
        """What distinguishes it from another one, as JSON has it."""
        return {
            "statuses": list(self.statuses),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "limit": self.limit,
            "alerts": self.alerts,
        }

    @property
    def filters(self) -> list[tuple[str, str]]:
        """What PagerDuty is to leave out."""
        return [("statuses[]", status) for status in self.statuses]

    def holds(self, incident: Row) -> bool:
        """Whether it was created in time; PagerDuty's own windows are wider."""
        created_at = parse_time(incident.get("created_at"))
        if created_at is None:
            return True
        return (self.since is None or created_at >= self.since) and (self.until is None or created_at < self.until)


def read_body(body: bytes, timezone: ZoneInfo) -> Selection:
    """The selection that a request's body asks for; an empty one means the defaults.

    Raises:
        InvalidError: it cannot be understood; the text names what is wrong.

    """
    if not body.strip():
        return Selection()
    try:
        fields = json.loads(body)
    except ValueError as error:
        message = "The body is not JSON."
        raise InvalidError(message) from error
    if not isinstance(fields, dict):
        message = 'The body is a JSON object, such as {"limit": 100}.'
        raise InvalidError(message)
    return read_fields(fields, timezone)


def read_fields(fields: Mapping[str, Any], timezone: ZoneInfo) -> Selection:
    """The selection that these fields ask for.

    Raises:
        InvalidError: one of them is wrong; the text names it.

    """
    unknown = sorted(set(fields) - set(_NAMES))
    if unknown:
        message = f"There is no field {unknown[0][:100]}; there are {', '.join(_NAMES)}."
        raise InvalidError(message)
    since, until = (_moment(fields, name, timezone) for name in ("since", "until"))
    if since is not None and until is not None:
        check_window(since, until)
    wants_all = _truth(fields, "all")
    return Selection(
        statuses=_statuses(fields.get("statuses")),
        since=since,
        until=until,
        limit=None if wants_all else _limit(fields.get("limit", NEWEST)),
        alerts=_truth(fields, "alerts"),
    )


def _statuses(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(status in STATUSES for status in value):
        message = f"statuses is a list of {', '.join(STATUSES)}."
        raise InvalidError(message)
    chosen = tuple(status for status in STATUSES if status in value)
    return () if chosen == STATUSES else chosen


def _limit(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        message = f"limit is a number from 1 to {MOST}, or null for everything."
        raise InvalidError(message)
    return value


def _moment(fields: Mapping[str, Any], name: str, timezone: ZoneInfo) -> datetime | None:
    value = fields.get(name)
    if value is None:
        return None
    moment = parse_moment(name, value if isinstance(value, str) else "", timezone)
    if not datetime(1970, 1, 1, tzinfo=UTC) <= moment < datetime(9000, 1, 1, tzinfo=UTC):
        message = f"{name} must be a time after 1970."
        raise InvalidError(message)
    return moment


def _truth(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        message = f"{name} is true or false."
        raise InvalidError(message)
    return value
