"""How fast Slack may be written to: https://docs.slack.dev/apis/web-api/rate-limits."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

# A channel takes a message a second, and a change of one is counted with them here; changes are fifty a minute in all.
POST_SECONDS = 1.15
UPDATE_SECONDS = 1.25


class Pace:
    """Lets calls through one after the other, each kind at its own distance."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Go by `now`, in seconds of any steady clock."""
        self._now = now
        self._free_at: dict[str, float] = defaultdict(float)
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def wait_to_post(self, channel: str) -> None:
        """Return when the channel takes one message more."""
        await self._wait(f"post:{channel}", POST_SECONDS)

    async def wait_to_update(self, channel: str) -> None:
        """Return when one message more of the channel may be changed."""
        await self._wait("update", UPDATE_SECONDS)
        await self._wait(f"post:{channel}", POST_SECONDS)

    async def _wait(self, key: str, distance: float) -> None:
        async with self._turns[key]:
            await asyncio.sleep(max(0.0, self._free_at[key] - self._now()))
            # From now on, not from when it was due: a busy machine wakes late, and the next would come too soon.
            self._free_at[key] = self._now() + distance
