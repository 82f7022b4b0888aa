"""One group's figures, with the bands and scores that an edition gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from em_agent.metrics.dora.editions import Edition
from em_agent.metrics.dora.models import (
    METHODS,
    BandedDuration,
    ChangeFailureRate,
    DeploymentFrequency,
    DeploymentLink,
    DeploymentReworkRate,
    DoraGroup,
    FailedByMethod,
)
from em_agent.metrics.layout import Key
from em_agent.metrics.models import read_duration

FREQUENCY = "deployment_frequency"
LEAD_TIME = "lead_time_for_changes_seconds"
FAILURE_RATE = "change_failure_rate"
RECOVERY_TIME = "failed_deployment_recovery_time_seconds"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the marts have of a group: `deploy_days` are those of each week that has any, in their order."""

    days: float
    weeks: int
    deployments: Mapping[str, Any] | None
    commits: Mapping[str, Any] | None
    deploy_days: Sequence[int]
    links: Sequence[Mapping[str, Any]]


def group_of(key: Key, figures: Figures, edition: Edition) -> DoraGroup:
    """The group of the key; without a deployment all that is counted is 0, and all else null."""
    row = figures.deployments
    if row is None:
        return DoraGroup(key=key)
    count: int = row["deployments"]
    per_day = count / figures.days
    lead = _duration(figures.commits, "lead", LEAD_TIME, edition)
    recovery = _duration(row, "recovery", RECOVERY_TIME, edition)
    failed, rework = row["failed"] / count, row["rework"] / count
    group = DoraGroup(
        key=key,
        deployment_frequency=DeploymentFrequency(
            deployments=count,
            per_day=per_day,
            median_deploy_days_per_week=median_of(figures.deploy_days, figures.weeks),
            band=edition.band(FREQUENCY, per_day),
            score=edition.score(FREQUENCY, per_day),
        ),
        lead_time_for_changes_seconds=lead,
        change_failure_rate=ChangeFailureRate(
            failed=row["failed"],
            deployments=count,
            ratio=failed,
            by_method=FailedByMethod.model_validate({method: row[f"failed_{method}"] for method in METHODS}),
            band=edition.band(FAILURE_RATE, failed),
            score=edition.score_of_share(failed),
        ),
        failed_deployment_recovery_time_seconds=recovery,
        deployment_rework_rate=DeploymentReworkRate(
            rework=row["rework"], deployments=count, ratio=rework, score=edition.score_of_share(rework)
        ),
        links=[
            DeploymentLink(
                incident=link["incident_id"],
                deployment=link["deployment_id"],
                method=link["method"],
                confidence=link["confidence"],
            )
            for link in figures.links
        ],
    )
    group.score = _overall(group)
    return group


def median_of(days: Sequence[int], weeks: int) -> float:
    """The median over `weeks`, of which those that are not in `days` (in their order) have 0."""
    zeros = max(weeks - len(days), 0)
    whole = zeros + len(days)

    def at(place: int) -> int:
        return days[place - zeros] if place >= zeros else 0

    return (at((whole - 1) // 2) + at(whole // 2)) / 2


def _duration(row: Mapping[str, Any] | None, name: str, metric: str, edition: Edition) -> BandedDuration:
    if row is None:
        return BandedDuration()
    duration = read_duration(row, name)
    return BandedDuration(
        **duration.model_dump(),
        band=edition.band(metric, duration.median),
        score=edition.score(metric, duration.median),
    )


def _overall(group: DoraGroup) -> float | None:
    """The plain mean of the five scores; a missing one is not made up."""
    scores = (
        group.deployment_frequency.score,
        group.lead_time_for_changes_seconds.score,
        group.change_failure_rate.score,
        group.failed_deployment_recovery_time_seconds.score,
        group.deployment_rework_rate.score,
    )
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if len(known) == len(scores) else None
