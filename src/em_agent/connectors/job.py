"""One crawl at work: what it works with, where it has got to, and how it keeps that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from em_agent.connectors.selection import Selection
from em_agent.domain.deliveries import Delivery
from em_agent.errors import InvalidError
from em_agent.events import crawls
from em_agent.events.crawls import CrawlRun
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.integrations.pagerduty.rows import Row
from em_agent.kit import locks
from em_agent.kit.postgres import Connection

SOURCE = "pagerduty"

_SOMEBODY_WAITS = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND NOT granted AND classid = $1::integer::oid AND objid::bigint = $2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


class Indexed(Protocol):
    """How many documents were written, and how many were there as they are."""

    @property
    def indexed(self) -> int:
        """Those written."""
        ...

    @property
    def unchanged(self) -> int:
        """Those left as they are."""
        ...


class IndexIncidents(Protocol):
    """Makes the documents of incidents anew."""

    async def __call__(self, connection: Connection, incident_ids: list[str], /) -> Indexed:
        """Return what became of them."""
        ...


class GaveWayError(Exception):
    """Somebody waits for this crawl to end who did not start it by the clock."""


Report = Callable[[CrawlRun], None]


@dataclass
class Job:
    """A run with its connection, which holds the lock of the source: who loses the lock cannot go on."""

    connection: Connection
    api: PagerDutyApi
    run: CrawlRun
    selection: Selection
    index: IndexIncidents
    report: Report = lambda _: None
    gives_way: bool = False
    place: dict[str, Any] = field(default_factory=dict)
    alerts: dict[str, list[Row]] = field(default_factory=dict)  # of the incidents at hand, where they are asked for
    _counted: int = 0

    def __post_init__(self) -> None:
        """Go on where the run was left."""
        self.place = self.run.place or {}
        self.run.place = self.place
        self._counted = self.api.requests

    @property
    def phase(self) -> str:
        """What is being done."""
        return str(self.place.get("phase", ""))

    def enter(self, phase: str) -> None:
        """Begin another phase."""
        for name in ("spans", "offset", "tail"):
            self.place.pop(name, None)
        self.place["phase"] = phase

    async def keep(self) -> None:
        """Write counts and place, in the transaction of what they tell about."""
        self.count_requests()
        await crawls.save(self.connection, self.run)

    def count_requests(self) -> None:
        """Add what was asked since the last time."""
        self.run.requests += self.api.requests - self._counted
        self._counted = self.api.requests

    async def pause(self) -> None:
        """Show how far it is; leave if somebody waits and this is to give way.

        Raises:
            GaveWayError: somebody does.

        """
        self.report(self.run)
        if self.gives_way:
            key = await self.connection.fetchval("SELECT hashtext($1)::bigint & 4294967295", SOURCE)
            if await self.connection.fetchval(_SOMEBODY_WAITS, locks.CRAWLS, key):
                raise GaveWayError

    def refuse(self, refused: list[tuple[Delivery, str]]) -> None:
        """Count what the database would not take."""
        for delivery, reason in refused:
            self.run.failed += 1
            self.run.note(f"{delivery.event_type} {delivery.delivery_id[:40]} could not be stored: {reason}")

    def rows_of(self, read: Callable[..., Delivery], *items: tuple[Any, ...], **given: Any) -> list[Delivery]:  # noqa: ANN401
        """The rows that `read` makes of the items; one that it can make nothing of is counted."""
        rows = []
        for item in items:
            try:
                rows.append(read(*item, **given))
            except InvalidError as error:
                self.run.failed += 1
                self.run.note(str(error))
        return rows

    @property
    def access(self) -> str:
        """How the log can be read: `account`, `incident` or `none`; empty while that is unknown."""
        return str(self.place.get("access", ""))

    @property
    def fields(self) -> Mapping[str, Any]:
        """What a log line says of the run."""
        return {"run": self.run.id, "mode": self.run.mode, "phase": self.phase, "requests": self.run.requests}
