"""What is asked of the incident metrics."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from em_agent.errors import InvalidError
from em_agent.metrics.buckets import UNITS

Clock = Literal["occurred", "received"]
Attribution = Literal["triggered", "resolved"]

LABELS = ("service", "team", "urgency", "priority", "escalation_policy")
GROUPINGS = (*LABELS, *UNITS)


@dataclass(frozen=True, slots=True)
class Query:
    """A window [since, until), filters, of which each takes any of its values, and what to group by."""

    since: datetime
    until: datetime
    timezone: str = "UTC"
    clock: Clock = "occurred"
    attribute_by: Attribution = "triggered"
    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    exclude_merged: bool = False
    acknowledge_within_seconds: float | None = None
    resolve_within_seconds: float | None = None
    counts_only: bool = False
    """Whether nobody looks at the durations, which then are unknown: to sort them is most of the work."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of days, weeks and months."""
        return ZoneInfo(self.timezone)

    @property
    def labels(self) -> tuple[str, ...]:
        """What groups by a property of the incident."""
        return tuple(name for name in self.group_by if name in LABELS)

    @property
    def targets(self) -> dict[str, float | None]:
        """What is counted only where it is asked for, with the seconds that are allowed."""
        return {
            "acknowledged_within": self.acknowledge_within_seconds,
            "resolved_within": self.resolve_within_seconds,
        }

    @property
    def units(self) -> tuple[str, ...]:
        """What groups by time."""
        return tuple(name for name in self.group_by if name in UNITS)

    def previous(self) -> "Query":
        """The same question about the window of the same length before.

        Raises:
            InvalidError: that window would begin before the calendar does.

        """
        since, until = window_before(self.since, self.until)
        return replace(self, since=since, until=until)


def window_before(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The window of the same length before [since, until).

    Raises:
        InvalidError: it would begin before the calendar does.

    """
    length: timedelta = until - since
    try:
        return since - length, since
    except OverflowError as error:
        message = "There is no window of the same length before this one: ask for a shorter one."
        raise InvalidError(message) from error
