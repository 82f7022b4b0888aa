"""What the metrics API answers. What is unknown is null, never 0."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

PERCENTILES = (("median", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95))


class Duration(BaseModel):
    """Seconds, over the incidents that have them; percentiles interpolate as PostgreSQL's `percentile_cont`."""

    count: int = Field(default=0, description="Incidents that have this duration.")
    mean: float | None = None
    median: float | None = None
    p75: float | None = None
    p90: float | None = None
    p95: float | None = None


def read_duration(row: Mapping[str, Any], name: str) -> Duration:
    """The duration in the columns `<name>_count`, `<name>_mean` and `<name>_percentiles` of a row."""
    percentiles: Iterable[float | None] = row[f"{name}_percentiles"] or [None] * len(PERCENTILES)
    named = {label: value for (label, _), value in zip(PERCENTILES, percentiles, strict=True)}
    return Duration(count=row[f"{name}_count"], mean=row[f"{name}_mean"], **named)


class Group(BaseModel):
    """The incidents of one key, or all of the window where nothing groups them."""

    key: dict[str, str | None] = Field(description="What the incidents have in common; an unknown value is null.")
    incidents: int = Field(default=0, description="Incidents in the window.")
    open: int = Field(default=0, description="Those that are not resolved now.")
    resolved: int = Field(default=0, description="Those that are resolved now.")
    acknowledged: int = Field(default=0, description="Those that were acknowledged explicitly.")
    reopened: int = Field(default=0, description="Those that were reopened at least once.")
    escalated: int = Field(default=0, description="Those that were escalated at least once.")
    auto_resolved: int = Field(default=0, description="Those resolved by something that is no person and no merge.")
    merged: int = Field(default=0, description="Those closed by a merge into another incident.")
    priority_raised: int = Field(default=0, description="Those whose priority became more severe.")
    handed_over: int = Field(default=0, description="Those reassigned, or delegated to another escalation policy.")
    incomplete: int | None = Field(
        default=0,
        description="Incidents whose trigger is unknown, whatever the window; null in days, weeks and months.",
    )
    impossible: int = Field(default=0, description="Those with a negative duration, which is left out.")
    high_urgency: int = Field(default=0, description="Those of high urgency.")
    acknowledged_within: int | None = Field(
        default=None, description="Those acknowledged within `acknowledge_within`; only where it is given."
    )
    resolved_within: int | None = Field(
        default=None, description="Those resolved within `resolve_within`; only where it is given."
    )
    time_to_acknowledge_seconds: Duration = Field(
        default_factory=Duration, description="First trigger to first explicit acknowledgement."
    )
    time_to_resolve_seconds: Duration = Field(
        default_factory=Duration, description="First trigger to last resolution, of incidents that are resolved now."
    )
    active_seconds: Duration = Field(
        default_factory=Duration, description="The sum over episodes between trigger or reopening and resolution."
    )


class Window(BaseModel):
    """The groups of one window [since, until)."""

    since: datetime
    until: datetime
    groups: list[Group]


class IncidentMetrics(BaseModel):
    """Incident metrics of a window, with what they rest on."""

    since: datetime
    until: datetime
    timezone: str
    clock: Literal["occurred", "received"]
    attribute_by: Literal["triggered", "resolved"]
    as_of: datetime | None = Field(description="Receipt of the newest event that is included; null without events.")
    groups: list[Group]
    previous: Window | None = Field(
        default=None, description="The window of the same length before; only with compare=previous."
    )


class Origins(BaseModel):
    """How many incidents' time came how."""

    webhook: int = 0
    api: int = 0


class Completeness(BaseModel):
    """Who told of the incidents that were triggered in a window: webhooks, PagerDuty's REST API, or both."""

    since: datetime
    until: datetime
    timezone: str
    as_of: datetime | None = Field(description="Receipt of the newest event that is included; null without events.")
    incidents: int = Field(default=0, description="Incidents that were triggered in the window.")
    webhook_only: int = Field(default=0, description="Those that only webhooks told of.")
    api_only: int = Field(default=0, description="Those that only the REST API told of: before the webhooks, or lost.")
    both: int = Field(default=0, description="Those that both told of.")
    triggered_from: Origins = Field(default_factory=Origins, description="Where the time of the trigger is from.")
    resolved_from: Origins = Field(default_factory=Origins, description="Where the time of the resolution is from.")
