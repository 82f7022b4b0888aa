"""What is true of each incident, known from its story, and the metrics that follow from it.

Nothing here reads an event: a number that comes out of the pipeline can be held against it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from em_agent.demo.company import Service, Thing

PERCENTILES = {"median": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class Episode:
    """A span in which the incident was open; `resolved_at` is None in the last one of an open incident."""

    started_at: datetime
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """One incident as it was: its times, its turns, and what it was filed under in the end.

    `is_handed_over` means delegated to another policy or reassigned to another person. `is_merged` and
    `is_auto_resolved` speak of the resolution that holds, so they are false while the incident is open.
    """

    incident: Thing
    number: int
    created_at: datetime
    acknowledged_at: datetime | None
    episodes: tuple[Episode, ...]
    service: Service
    urgency: str
    priority: Thing | None
    is_escalated: bool
    is_handed_over: bool
    is_merged: bool
    is_auto_resolved: bool
    is_priority_raised: bool

    @property
    def triggered_at(self) -> datetime:
        """When it began."""
        return self.episodes[0].started_at

    @property
    def resolved_at(self) -> datetime | None:
        """When it was last resolved; None while it is open."""
        return self.episodes[-1].resolved_at

    @property
    def reopen_count(self) -> int:
        """How often it came back, an acknowledgement or escalation after the resolution included."""
        return len(self.episodes) - 1

    @property
    def time_to_acknowledge_seconds(self) -> float | None:
        """Trigger to first acknowledgement; None without one."""
        return _seconds(self.triggered_at, self.acknowledged_at)

    @property
    def time_to_resolve_seconds(self) -> float | None:
        """Trigger to last resolution; None while it is open."""
        return _seconds(self.triggered_at, self.resolved_at)

    @property
    def active_seconds(self) -> float | None:
        """Sum of its episodes; None while it is open."""
        if self.resolved_at is None:
            return None
        return math.fsum(_seconds(episode.started_at, episode.resolved_at) or 0.0 for episode in self.episodes)

    def without_trigger(self) -> "Truth":
        """What can be known when the trigger's event never arrived: it then began at `created_at`, a whole second."""
        return replace(self, episodes=(replace(self.episodes[0], started_at=self.created_at), *self.episodes[1:]))


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - start).total_seconds()


# What an incident is counted under: one key, several for several teams, None for none.
GROUPINGS: dict[str, Callable[[Truth], Sequence[str | None]]] = {
    "service": lambda truth: [truth.service.name],
    "team": lambda truth: [team.name for team in truth.service.teams] or [None],
    "urgency": lambda truth: [truth.urgency],
    "priority": lambda truth: [truth.priority.name if truth.priority else None],
}


def aggregate(
    truths: Iterable[Truth],
    group_by: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[dict[str, Any]]:
    """The groups that `GET /v1/metrics/incidents` has to answer for incidents triggered in [since, until).

    Without `group_by` it is one group with key `{}`; groups come in the order of their key, the empty key last.
    """
    groups: dict[str | None, list[Truth]] = {} if group_by else {None: []}
    for truth in truths:
        if (since is None or truth.triggered_at >= since) and (until is None or truth.triggered_at < until):
            for key in GROUPINGS[group_by](truth) if group_by else [None]:
                groups.setdefault(key, []).append(truth)
    ordered = sorted(groups, key=lambda key: (key is None, key or ""))
    return [{"key": {group_by: key} if group_by else {}, **_measures(groups[key])} for key in ordered]


def _measures(group: list[Truth]) -> dict[str, Any]:
    return {
        "incidents": len(group),
        "open": sum(truth.resolved_at is None for truth in group),
        "resolved": sum(truth.resolved_at is not None for truth in group),
        "acknowledged": sum(truth.acknowledged_at is not None for truth in group),
        "reopened": sum(truth.reopen_count > 0 for truth in group),
        "escalated": sum(truth.is_escalated for truth in group),
        "auto_resolved": sum(truth.is_auto_resolved for truth in group),
        "merged": sum(truth.is_merged for truth in group),
        "priority_raised": sum(truth.is_priority_raised for truth in group),
        "handed_over": sum(truth.is_handed_over for truth in group),
        "incomplete": 0,
        "impossible": 0,
        "high_urgency": sum(truth.urgency == "high" for truth in group),
        "time_to_acknowledge_seconds": distribution(truth.time_to_acknowledge_seconds for truth in group),
        "time_to_resolve_seconds": distribution(truth.time_to_resolve_seconds for truth in group),
        "active_seconds": distribution(truth.active_seconds for truth in group),
    }


def distribution(durations: Iterable[float | None]) -> dict[str, float | int | None]:
    """Count, mean and percentiles of the durations that are known; null where there is none."""
    known = sorted(duration for duration in durations if duration is not None)
    mean = math.fsum(known) / len(known) if known else None
    return {"count": len(known), "mean": mean, **{name: percentile(known, at) for name, at in PERCENTILES.items()}}


def percentile(ordered: Sequence[float], fraction: float) -> float | None:
    """The value at `fraction` of an ordered row, interpolated as PostgreSQL's `percentile_cont` does it."""
    if not ordered:
        return None
    place = fraction * (len(ordered) - 1)
    low = math.floor(place)
    high = math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
