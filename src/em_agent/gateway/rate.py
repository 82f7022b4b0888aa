"""A limit on how many deliveries a source may send in a second."""

import math
from collections.abc import Callable


class RateLimit:
    """A token bucket that holds one second's deliveries."""

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        """Start full; `now` gives seconds of any steady clock."""
        self._per_second = per_second
        self._now = now
        self._tokens = self._capacity = max(per_second, 1.0)
        self._filled_at = now()

    def take(self) -> int:
        """Zero if one more delivery may pass, else the whole seconds to wait before the next try."""
        now = self._now()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return math.ceil((1 - self._tokens) / self._per_second)
