"""Whether everything works: what answers, what waits, what was set aside, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from em_agent.dashboard.page import Move, Page, Visit, panels
from em_agent.domain.consumers import CONSUMERS
from em_agent.errors import InvalidError
from em_agent.events import crawls, dead_letters, quarantine
from em_agent.events.dead_letters import DeadLetter
from em_agent.events.quarantine import Quarantined
from em_agent.kit import nats as kit_nats
from em_agent.kit.postgres import reachable
from em_agent.pipeline import backlog
from em_agent.pipeline.backlog import OutboxBacklog, SearchBacklog
from em_agent.pipeline.deliveries import MOST_COUNTED, Received, received
from em_agent.pipeline.freshness import Freshness, freshness
from em_agent.pipeline.readiness import OK, check_nats, check_postgres

MOST_LISTED = 20
# An event is in the numbers within seconds; what waits longer than this is held up.
SLOW_SECONDS = 60.0
_LARGEST_ID = 2**63

# What runs each part where it runs alone; `em-agent up` runs all of them.
_COMMANDS = {
    "relay": "em-agent relay",
    "worker": "em-agent worker",
    "nats": "em-agent doctor",
    "postgres": "em-agent doctor",
    "migrations": "em-agent migrate",
}


@dataclass(frozen=True)
class Part:
    """A part of the product: `ok`, or what is wrong and the command that helps."""

    name: str
    state: str
    command: str

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.state == OK


@dataclass(frozen=True)
class Waiting:
    """What waits, and how new the numbers are; `lag` is None while NATS does not answer."""

    outbox: OutboxBacklog
    search: SearchBacklog
    freshness: Freshness
    lag: Mapping[str, int] | None


@dataclass(frozen=True)
class Aside:
    """The newest of what was set aside, and how many of each there are."""

    dead_letters: Sequence[DeadLetter]
    dead_count: int
    quarantine: Sequence[Quarantined]
    quarantine_count: int


async def show(visit: Visit) -> Page:
    """The state of all parts."""
    backend, filters = visit.backend, visit.filters
    shown = await panels(
        parts=_parts(visit),
        waiting=_waiting(visit),
        received=_received(visit),
        aside=_aside(visit),
        crawls=_crawls(visit),
        completeness=backend.meter.completeness(filters.query),
    )
    values = {
        "shown": shown,
        "replayed": filters.value("replayed"),
        "consumers": CONSUMERS,
        "slow_seconds": SLOW_SECONDS,
        "most_counted": MOST_COUNTED,
    }
    return Page("health.html", "Health", values)


async def replay(visit: Visit) -> Move:
    """Have the dead letter's event handled once more, and go back to where it is listed.

    Raises:
        InvalidError: that is no number.
        NotFoundError: there is no such dead letter.
        RetriableError: the database does not answer.

    """
    text = visit.parameter("id")
    if not (text.isascii() and text.isdigit() and int(text) < _LARGEST_ID):
        message = "A dead letter has a number."
        raise InvalidError(message)
    await dead_letters.replay(visit.backend.pool, int(text))
    return Move(f"/health?replayed={int(text)}#aside")


async def _parts(visit: Visit) -> list[Part]:
    backend = visit.backend
    checks = await check_postgres(backend.pool)
    checks |= await check_nats(backend.nats, has_slack=backend.has_slack)
    return [Part(name, state, _COMMANDS.get(name.split()[0], "")) for name, state in checks.items()]


async def _waiting(visit: Visit) -> Waiting:
    async with reachable(), visit.backend.pool.acquire() as connection:
        outbox = await backlog.outbox_backlog(connection)
        search = await backlog.search_backlog(connection)
        fresh = await freshness(connection)
    return Waiting(outbox, search, fresh, await _lag(visit))


async def _lag(visit: Visit) -> Mapping[str, int] | None:
    if not visit.backend.nats.is_connected:
        return None
    try:
        return await backlog.consumer_lag(visit.backend.nats)
    except kit_nats.UNREACHABLE:
        return None


async def _received(visit: Visit) -> list[Received]:
    async with reachable():
        return await received(
            visit.backend.pool, day_since=visit.now - timedelta(days=1), week_since=visit.now - timedelta(days=7)
        )


async def _aside(visit: Visit) -> Aside:
    pool = visit.backend.pool
    async with reachable():
        async with pool.acquire() as connection:
            dead = await backlog.count_dead_letters(connection)
            odd = await backlog.count_quarantined(connection)
        return Aside(
            await dead_letters.newest(pool, limit=MOST_LISTED, before=None, include_resolved=False),
            sum(dead.values()),
            await quarantine.newest(pool, limit=MOST_LISTED),
            sum(odd.values()),
        )


async def _crawls(visit: Visit) -> Sequence[crawls.CrawlRun]:
    async with reachable():
        return await crawls.newest(visit.backend.pool, limit=MOST_LISTED // 2)
