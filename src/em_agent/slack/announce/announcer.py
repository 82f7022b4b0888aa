"""Tells the channels of new incidents, and of what becomes of them.

One copy works at a time, by an advisory lock. Each channel hears one thing after the other, at the pace that Slack
allows; what happens faster is told together. What Slack cannot take now stays marked, and by the time that it can, only
the present state is told: a message for each incident that is open or recent, and one reply for all that was missed.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from em_agent.errors import RetriableError
from em_agent.incidents import pending
from em_agent.kit import locks, postgres
from em_agent.kit.postgres import Pool
from em_agent.slack.announce import told
from em_agent.slack.announce.rules import Rule, channel_for
from em_agent.slack.announce.teller import Teller
from em_agent.slack.announce.troubled import Troubled
from em_agent.slack.failures import SlackAwayError, SlackRefusedError

POLL_SECONDS = 2.0
# What arrives together is sorted before the first of it is told: until nothing new has come for a while.
SETTLE = timedelta(seconds=1)
LONGEST_SETTLE = timedelta(seconds=4)
DEBOUNCE = timedelta(seconds=2)
LONGEST_DEBOUNCE = timedelta(seconds=8)
# An incident that was over before Slack could hear of it is history after this.
CLOSED_AFTER = timedelta(minutes=15)
_STOP_SECONDS = 5.0
_SAY_ON_SECONDS = 600.0

log = structlog.get_logger()


class Announcer:
    """One copy of what announces; the others stand by."""

    def __init__(self, database_url: str, pool: Pool, rules: Sequence[Rule], teller: Teller) -> None:
        """Tell by `teller` the channels that the rules name; `database_url` is for the lock's own connection."""
        self._database_url = database_url
        self._pool = pool
        self._rules = rules
        self._teller = teller
        self._troubled = Troubled(pool)
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.is_well = False  # whether this copy stands by, or the last look at the incidents succeeded

    async def run(self) -> None:
        """Announce until cancelled; what is being sent then is waited for."""
        while True:
            try:
                await self._lead()
            except (RetriableError, *postgres.UNREACHABLE) as error:
                self.is_well = False
                log.warning("announcer.waiting", error=repr(error))
            await asyncio.sleep(POLL_SECONDS)

    async def _lead(self) -> None:
        """Announce while this copy holds the lock."""
        connection = await postgres.connect(self._database_url, name="em-agent announces")
        ended = asyncio.Event()
        connection.add_termination_listener(lambda *_: ended.set())
        connection.add_termination_listener(lambda *_: self._wake.set())
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", locks.ANNOUNCING):
                self.is_well = True
                await asyncio.sleep(POLL_SECONDS)
            if not self._rules:
                await told.say_off(self._pool)
                self.is_well = True
                await ended.wait()
                return
            await connection.add_listener(pending.CHANNEL, lambda *_: self._wake.set())
            log.info("announcer.leads", rules=len(self._rules))
            await self._announce(ended)
        finally:
            connection.terminate()
            await self._end_tasks()

    async def _announce(self, ended: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        said_on_at = -_SAY_ON_SECONDS
        while not ended.is_set():
            self._wake.clear()
            if loop.time() - said_on_at >= _SAY_ON_SECONDS:
                await told.say_on(self._pool)
                said_on_at = loop.time()
            seconds = await self._turn()
            self.is_well = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, POLL_SECONDS)):
                    await self._wake.wait()

    async def _turn(self) -> float:
        """Begin what is due in channels that are free; the seconds until something else is due."""
        now = datetime.now(UTC)
        wait = POLL_SECONDS
        rows = await told.pending(self._pool)
        settled_at = _settled_at(rows)
        belongs: dict[str, str] = {}
        for row in rows:
            channel = row["channel"] or (channel_for(self._rules, row) if row["id"] is not None else None)
            if channel is None or _is_history(row, now):
                await told.clear(self._pool, row)
                continue
            if channel != (row["channel"] or row["last_channel"]):
                belongs[row["incident_id"]] = channel
            if channel in self._tasks or self._troubled.is_held(channel):
                continue
            seconds = ((_due_at(row) if row["ts"] is not None else settled_at) - now).total_seconds()
            if seconds > 0:
                wait = min(wait, seconds)
                continue
            task = asyncio.create_task(self._tell(row, channel))
            self._tasks[channel] = task
            task.add_done_callback(lambda _, channel=channel: self._done(channel))  # type: ignore[misc]
        await told.assign(self._pool, belongs)
        return 0.05 if belongs else max(wait, 0.05)  # there may be more that this look had no room for

    def _done(self, channel: str) -> None:
        self._tasks.pop(channel, None)
        self._wake.set()

    async def _tell(self, row: asyncpg.Record, channel: str) -> None:
        """Tell the next thing of one incident."""
        try:
            is_told = await self._teller.tell(row, channel)
            if is_told:
                await told.clear(self._pool, row)
            await self._troubled.over(channel)
        except SlackAwayError as error:
            await self._troubled.away(channel, error)
        except SlackRefusedError as error:
            if not await self._troubled.refused(channel, error):
                log.warning("announcer.gave_up", incident=row["incident_id"], error=error.code)
                await told.clear(self._pool, row)
        except (RetriableError, *postgres.UNREACHABLE) as error:
            log.warning("announcer.postponed", incident=row["incident_id"], error=repr(error))
            self._troubled.pause(channel, POLL_SECONDS)
        except Exception:  # the outermost loop of an incident: what is wrong with it must not stop the others
            log.exception("announcer.failed", incident=row["incident_id"])
            await told.clear(self._pool, row)

    async def _end_tasks(self) -> None:
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for task in tasks:
            task.cancel()


def _is_history(row: asyncpg.Record, now: datetime) -> bool:
    """Whether the incident is over and Slack never heard of it: telling now would only be noise."""
    if row["id"] is None:
        return True
    has_heard = row["ts"] is not None or row["sending"] is not None
    is_recent = row["triggered_at"] is not None and now - row["triggered_at"] < CLOSED_AFTER
    return not has_heard and row["status"] == "resolved" and not is_recent


def _due_at(row: asyncpg.Record) -> datetime:
    """When the next thing of an incident that Slack has heard of is to be told."""
    first_at: datetime = row["first_at"]
    marked_at: datetime = row["marked_at"]
    changed_at: datetime = row["changed_at"]
    return min(marked_at + DEBOUNCE, first_at + LONGEST_DEBOUNCE) if row["has_similar"] else changed_at


def _settled_at(rows: Sequence[asyncpg.Record]) -> datetime:
    """When the incidents that Slack has not heard of are to be told: all that belong together are there then."""
    first = [row["first_at"] for row in rows if row["ts"] is None]
    marked = [row["marked_at"] for row in rows if row["ts"] is None]
    return min(max(marked) + SETTLE, min(first) + LONGEST_SETTLE) if marked else datetime.now(UTC)
