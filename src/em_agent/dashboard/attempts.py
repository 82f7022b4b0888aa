"""Wrong keys, counted by whoever gave them: guessing is slow."""

import math
from collections import OrderedDict
from collections.abc import Callable

FREE = 5  # wrong keys before one has to wait
WINDOW_SECONDS = 60.0
_MOST_KEPT = 10_000


class Attempts:
    """Who gave wrong keys in the last minute, and how many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count by the clock, which gives seconds."""
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_seconds(self, who: str) -> int:
        """How long whoever it is has to wait before he may try again; 0 if he need not."""
        recent = self._recent(who)
        return math.ceil(recent[-FREE] + WINDOW_SECONDS - self._clock()) if len(recent) >= FREE else 0

    def note_failure(self, who: str) -> None:
        """Count a wrong key."""
        self._failures[who] = [*self._recent(who), self._clock()][-FREE:]
        self._failures.move_to_end(who)
        while len(self._failures) > _MOST_KEPT:
            self._failures.popitem(last=False)

    def forget(self, who: str) -> None:
        """Forget his wrong keys: he has given a right one."""
        self._failures.pop(who, None)

    def _recent(self, who: str) -> list[float]:
        since = self._clock() - WINDOW_SECONDS
        return [at for at in self._failures.get(who, ()) if at > since]
