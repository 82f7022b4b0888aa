"""Tells the next thing of an incident: its message, past ones like it, then what changed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from em_agent.errors import NotFoundError, RetriableError
from em_agent.incidents.read import IncidentDetail, find_incident
from em_agent.kit.postgres import Pool
from em_agent.slack.announce import render, told
from em_agent.slack.announce.told import Heard
from em_agent.slack.answers.found import Alike
from em_agent.slack.answers.sources import Sources
from em_agent.slack.failures import SlackAwayError, SlackRefusedError
from em_agent.slack.messages import Message
from em_agent.slack.poster import Poster

MOST_SIMILAR = 3
# The memory learns of an incident soon after it; who waits longer for it would keep the thread waiting.
SIMILAR_WITHIN = timedelta(seconds=20)
_NO_CHANGE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "msg_locked"})

log = structlog.get_logger()


class Teller:
    """Says one thing at a time, and keeps book of it."""

    def __init__(self, pool: Pool, poster: Poster, sources: Sources) -> None:
        """Tell what `sources` have by `poster`."""
        self._pool = pool
        self._poster = poster
        self._sources = sources

    async def tell(self, row: asyncpg.Record, channel: str) -> bool:
        """Whether all of the incident is told now; else there is a next thing.

        Raises:
            SlackAwayError: it cannot be told now.
            SlackRefusedError: it cannot be told.

        """
        detail = await find_incident(self._pool, row["id"])
        if row["ts"] is None:
            await self._tell_first(row, channel, detail)
            return False
        if not row["has_similar"]:
            await self._tell_similar(row)
            return False
        await self._show(row, detail)
        await self._tell_changes(row, detail)
        return True

    async def _tell_first(self, row: asyncpg.Record, channel: str, detail: IncidentDetail) -> None:
        message = render.root(detail, self._sources)
        heard = _heard(detail)
        ts = await self._say(row, Message(**message, channel=channel), f"incident:{row['id']}")
        now = datetime.now(UTC)
        await told.note(
            self._pool, row["id"], ts=ts, shown=render.digest(message), heard=told.write_heard(heard),
            announced_at=now, changed_at=now,
        )  # fmt: skip

    async def _tell_similar(self, row: asyncpg.Record) -> None:
        found = await self._similar(row)
        if found is None:
            await told.note(self._pool, row["id"], changed_at=datetime.now(UTC) + timedelta(seconds=1))
            return
        if found:
            await self._reply(row, render.similar(found, self._sources), f"similar:{row['id']}")
        await told.note(self._pool, row["id"], has_similar=True, changed_at=datetime.now(UTC))

    async def _similar(self, row: asyncpg.Record) -> Sequence[Alike] | None:
        """Past incidents like it; None where the memory does not know it yet, but may soon."""
        try:
            return await self._sources.finder.similar(row["id"], MOST_SIMILAR)
        except (NotFoundError, RetriableError) as error:
            is_late = datetime.now(UTC) - row["announced_at"] > SIMILAR_WITHIN
            if is_late:
                log.info("announcer.without_similar", incident=row["id"], error=str(error))
            return () if is_late else None

    async def _show(self, row: asyncpg.Record, detail: IncidentDetail) -> None:
        message = render.root(detail, self._sources)
        shown = render.digest(message)
        if shown == row["shown"]:
            return
        try:
            await self._poster.update(row["channel"], row["ts"], **message)
        except SlackRefusedError as error:
            if error.code not in _NO_CHANGE:
                raise
            log.warning("announcer.not_changed", incident=row["id"], error=error.code)
        await told.note(self._pool, row["id"], shown=shown, changed_at=datetime.now(UTC))

    async def _tell_changes(self, row: asyncpg.Record, detail: IncidentDetail) -> None:
        heard = told.read_heard(row["heard"])
        new = [
            event
            for event in render.to_tell(detail.timeline)
            if not any(one.is_same(event.kind, event.at) for one in heard)
        ]
        if not new:
            return
        await self._reply(row, render.reply(new, self._sources), f"changes:{row['id']}:{len(heard)}")
        heard += [Heard(event.kind, event.at.timestamp()) for event in new]
        await told.note(self._pool, row["id"], heard=told.write_heard(heard), changed_at=datetime.now(UTC))

    async def _reply(self, row: asyncpg.Record, message: dict[str, Any], mark: str) -> None:
        await self._say(row, Message(**message, channel=row["channel"], thread_ts=row["ts"]), mark)

    async def _say(self, row: asyncpg.Record, message: Message, mark: str) -> str:
        """The name of the message, once Slack has it."""
        may_be_there = row["sending"] == mark
        await told.begin(self._pool, row["id"], message.channel or "", mark)
        try:
            return await self._poster.post(message, mark, may_be_there=may_be_there)
        except SlackRefusedError:
            await told.note(self._pool, row["id"])
            raise
        except SlackAwayError as error:
            if not error.may_have_arrived and not may_be_there:
                await told.note(self._pool, row["id"])
            raise


def _heard(detail: IncidentDetail) -> list[Heard]:
    return [Heard(event.kind, event.at.timestamp()) for event in render.to_tell(detail.timeline)]
