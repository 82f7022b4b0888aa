"""What editions of DORA's research say of a figure: a band or a score. The tables are `editions.toml`.

The 2023 report: https://dora.dev/research/2023/dora-report/. The Quick Check: https://dora.dev/quickcheck/.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT_EDITION = "2023"
_BEST_SCORE = 10.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Names for stretches of a figure, best first; each rule has one kind of limit."""

    every_days: Mapping[str, float]
    below_seconds: Mapping[str, float]
    at_most: Mapping[str, float]
    otherwise: str

    def name_of(self, value: float) -> str:
        """The name of the stretch that the figure is in."""
        fits = (
            *(name for name, days in self.every_days.items() if value >= 1 / days),
            *(name for name, seconds in self.below_seconds.items() if value < seconds),
            *(name for name, share in self.at_most.items() if value <= share),
        )
        return next(iter(fits), self.otherwise)


@dataclass(frozen=True, slots=True)
class Edition:
    """One year's bands, or its scores of 0 to 10 and the means that were published with them."""

    year: str
    name: str
    bands: Mapping[str, Scale]
    scores: Mapping[str, Scale]
    published_means: Mapping[str, Any] | None

    @property
    def has_scores(self) -> bool:
        """Whether figures have scores in this edition."""
        return bool(self.scores)

    def band(self, metric: str, value: float | None) -> str | None:
        """The band of the figure; None where it is unknown, or the edition has none for the metric."""
        scale = self.bands.get(metric)
        return scale.name_of(value) if scale is not None and value is not None else None

    def score(self, metric: str, value: float | None) -> float | None:
        """The score of the figure, 0 to 10; None where it is unknown, or the edition has none for the metric."""
        scale = self.scores.get(metric)
        return float(scale.name_of(value)) if scale is not None and value is not None else None

    def score_of_share(self, ratio: float | None) -> float | None:
        """The score of a share of deployments, of which none is best; None where it is unknown."""
        return _BEST_SCORE * (1.0 - ratio) if self.has_scores and ratio is not None else None


@cache
def editions() -> dict[str, Edition]:
    """Every edition by its year, the oldest first."""
    table = tomllib.loads((files("em_agent") / "metrics" / "dora" / "editions.toml").read_text("utf-8"))
    return {
        year: Edition(
            year, row["name"], _scales(row.get("bands", {})), _scales(row.get("scores", {})), row.get("published_means")
        )
        for year, row in sorted(table.items())
    }


def _scales(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Scale]:
    kinds = ("every_days", "below_seconds", "at_most")
    return {
        metric: Scale(**{kind: row.get(kind, {}) for kind in kinds}, otherwise=row["otherwise"])
        for metric, row in rows.items()
    }
