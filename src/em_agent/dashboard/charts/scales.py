"""From values to places, and the round values that an axis names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DURATION_STEPS = (
    1, 2, 5, 10, 15, 30,
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)  # fmt: skip
_SHARE_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """Places from `start` to `end` for values from 0 to `top`, which `ticks` divide."""

    top: float
    start: float
    end: float
    ticks: Sequence[float]

    def place(self, value: float) -> float:
        """Where the value is."""
        return self.start + (self.end - self.start) * value / self.top


def duration_scale(highest: float, start: float, end: float) -> Scale:
    """A scale for seconds, with ticks at full minutes, hours or days."""
    step = next((step for step in _DURATION_STEPS if highest <= step * _MOST_TICKS), _decimal_step(highest))
    return _scale(highest, step, start, end)


def count_scale(highest: float, start: float, end: float) -> Scale:
    """A scale for counts, with whole ticks."""
    return _scale(highest, max(_decimal_step(highest), 1), start, end)


def share_scale(start: float, end: float) -> Scale:
    """A scale from nothing to all."""
    return Scale(1, start, end, _SHARE_TICKS)


def _decimal_step(highest: float) -> float:
    raw = max(highest, 1e-9) / _MOST_TICKS
    power = 10 ** math.floor(math.log10(raw))
    return float(next(n for n in (1, 2, 5, 10) if raw <= n * power + 1e-12) * power)


def _scale(highest: float, step: float, start: float, end: float) -> Scale:
    count = max(math.ceil(highest / step - 1e-9), 1)
    return Scale(step * count, start, end, [step * n for n in range(count + 1)])
