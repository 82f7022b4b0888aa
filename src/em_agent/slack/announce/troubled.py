"""What stands in the way of announcing, for how long, and what people see of it."""

import time
from collections.abc import Callable

import structlog

from em_agent.kit.postgres import Pool
from em_agent.slack import troubles
from em_agent.slack.failures import OF_THE_MESSAGE, SlackAwayError, SlackRefusedError, SlackTokenError

_FIRST_SECONDS = 2.0
_LONGEST_SECONDS = 120.0
_ALL = "*"

log = structlog.get_logger()


class Troubled:
    """Holds channels back, longer each time."""

    def __init__(self, pool: Pool, now: Callable[[], float] = time.monotonic) -> None:
        """Write what is wrong through `pool`; `now` gives seconds of any steady clock."""
        self._pool = pool
        self._now = now
        self._until: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._known: set[str] = set()
        self._is_fresh = True

    def is_held(self, channel: str) -> bool:
        """Whether nothing goes to the channel for now."""
        return max(self._until.get(channel, 0.0), self._until.get(_ALL, 0.0)) > self._now()

    def pause(self, channel: str, seconds: float) -> None:
        """Let nothing to the channel for so long."""
        self._until[channel] = self._now() + seconds

    async def away(self, channel: str, error: SlackAwayError) -> None:
        """Slack is away, or refuses the token, or asks to wait."""
        if error.retry_after_seconds is not None:
            log.warning("announcer.slowed", channel=channel, seconds=error.retry_after_seconds)
            self.pause(channel, error.retry_after_seconds)
            return
        if isinstance(error, SlackTokenError):
            await self._note(troubles.TOKEN, error.code)
        else:
            await self._note(troubles.API, str(error))
        self.pause(_ALL, self._backoff(_ALL))

    async def refused(self, channel: str, error: SlackRefusedError) -> bool:
        """Whether another time may be better: the channel is at fault, and not the message."""
        if error.code in OF_THE_MESSAGE:
            return False
        await self._note(troubles.channel(channel), error.code)
        self.pause(channel, self._backoff(channel))
        return True

    async def over(self, channel: str) -> None:
        """Slack took something for the channel."""
        subjects = {troubles.TOKEN, troubles.API, troubles.channel(channel)}
        if self._is_fresh or self._known & subjects:  # an earlier process may have left some
            await troubles.clear(self._pool, *subjects)
            self._is_fresh = False
        self._known -= subjects
        self._failures.pop(channel, None)
        self._failures.pop(_ALL, None)

    async def _note(self, subject: str, error: str) -> None:
        self._known.add(subject)
        await troubles.note(self._pool, subject, error)

    def _backoff(self, key: str) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        return float(min(_FIRST_SECONDS * 2 ** min(self._failures[key] - 1, 10), _LONGEST_SECONDS))
