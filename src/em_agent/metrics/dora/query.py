"""What is asked of the DORA metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from em_agent.metrics.buckets import UNITS
from em_agent.metrics.dora.editions import DEFAULT_EDITION, editions
from em_agent.metrics.parameters import URGENCIES, choice, choices, read_asked, read_groupings
from em_agent.metrics.query import window_before

PRODUCTION = "production"
LABELS = ("service",)
GROUPINGS = (*LABELS, *UNITS)


@dataclass(frozen=True, slots=True)
class DoraQuery:
    """A window [since, until), filters, of which each takes any of its values, and what to group by.

    Urgencies and priorities restrict which incidents may be linked to a deployment.
    """

    since: datetime
    until: datetime
    timezone: str = "UTC"
    edition: str = DEFAULT_EDITION
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = (PRODUCTION,)
    urgencies: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of days, weeks and months."""
        return ZoneInfo(self.timezone)

    @property
    def labels(self) -> tuple[str, ...]:
        """What groups by a property of the deployment."""
        return tuple(name for name in self.group_by if name in LABELS)

    @property
    def units(self) -> tuple[str, ...]:
        """What groups by time."""
        return tuple(name for name in self.group_by if name in UNITS)

    def previous(self) -> "DoraQuery":
        """The same question about the window of the same length before.

        Raises:
            InvalidError: that window would begin before the calendar does.

        """
        since, until = window_before(self.since, self.until)
        return replace(self, since=since, until=until)


def read_dora_query(given: Mapping[str, Sequence[str]], *, now: datetime, timezone: str) -> DoraQuery:
    """The query that the parameters ask, in `timezone` where they name none.

    Raises:
        InvalidError: a parameter is wrong; the text names it.

    """
    asked = read_asked(given, now=now, timezone=timezone)
    values = asked.values
    return DoraQuery(
        since=asked.since,
        until=asked.until,
        timezone=asked.timezone,
        edition=choice(values, "edition", tuple(editions())) or DEFAULT_EDITION,
        services=values.get("service", ()),
        environments=values.get("environment") or (PRODUCTION,),
        urgencies=choices(values, "urgency", URGENCIES),
        priorities=values.get("priority", ()),
        group_by=read_groupings(values.get("group_by", ()), GROUPINGS),
    )
