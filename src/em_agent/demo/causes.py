"""Why incidents happen: the table of `causes.toml`, and its texts filled in for one occasion."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from em_agent.demo.company import Service

_REGIONS = ("eu-west-1", "eu-central-1", "us-east-1")


@dataclass(frozen=True, slots=True)
class Cause:
    """One recurring reason, its monitors' titles and what people write about it."""

    key: str
    services: tuple[str, ...]
    monitor: str
    weight: float
    level: int
    heals: float
    slowness: float
    titles: tuple[str, ...]
    cause: str
    fix: str
    notes: tuple[str, ...]
    spread: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occasion:
    """A cause as it showed once: its texts with the hosts, versions and figures of that day."""

    cause: Cause
    title: str
    root_cause: str
    fix: str
    notes: tuple[str, ...]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("em_agent") / "demo" / "causes.toml").read_text("utf-8"))


@cache
def causes() -> dict[str, Cause]:
    """Every cause by its key."""
    rows = ({name: _frozen(value) for name, value in row.items()} for row in _table()["cause"])
    return {row["key"]: Cause(**row) for row in rows}


def _frozen(value: Any) -> Any:  # noqa: ANN401 - a TOML value
    return tuple(value) if isinstance(value, list) else value


def symptoms(service: str) -> tuple[str, ...]:
    """How monitors of this service complain when something below it is broken."""
    return tuple(_table()["symptoms"][service])


def draw_occasion(rng: Random, cause: Cause, service: Service, titles: tuple[str, ...] = ()) -> Occasion:
    """The cause with the details of one day on this service, under one of `titles` or its own."""
    words = {
        "slug": service.slug,
        "host": f"{service.slug}-{rng.choice('abc')}{rng.randint(1, 9)}",
        "region": rng.choice(_REGIONS),
        "version": f"{rng.randint(2, 9)}.{rng.randint(0, 60)}.{rng.randint(0, 9)}",
        "n": rng.randint(11, 480),
        "few": rng.randint(2, 7),
        "big": rng.randint(8_000, 940_000),
        "pct": rng.randint(21, 78),
        "much": rng.randint(85, 99),
        "ms": rng.randint(900, 9_800),
        "hex": f"{rng.getrandbits(36):09x}",
    }
    return Occasion(
        cause=cause,
        title=rng.choice(titles or cause.titles).format(**words),
        root_cause=cause.cause.format(**words),
        fix=cause.fix.format(**words),
        notes=tuple(note.format(**words) for note in cause.notes),
    )
