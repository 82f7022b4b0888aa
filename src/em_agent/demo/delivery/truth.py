"""What is true of the year's deployments, and the five metrics that follow; nothing here reads an event.

The rules are written down once more, in the plainest way: a number that comes out of the pipeline can be held against
them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from em_agent.demo.delivery.releases import CHANGE_WINDOW_HOURS, Release
from em_agent.demo.delivery.trouble import Deliveries
from em_agent.demo.truth import Truth, distribution

METHODS = ("manual", "explicit", "rollback", "window")
_SHORTEST_SHA = 7


@dataclass(frozen=True, slots=True)
class Linked:
    """An incident and the deployment that it is linked to."""

    incident: Truth
    release: Release
    method: str


def link(deliveries: Deliveries, truths: Iterable[Truth]) -> list[Linked]:
    """Each incident with the deployment that the first rule gives it, if any does."""
    done = sorted((release for release in deliveries.releases if release.is_production), key=lambda r: r.done_at)
    links = []
    for truth in truths:
        words = deliveries.named.get(truth.incident.id, ())
        for method, found in (
            ("explicit", _named(words, truth, done)),
            ("rollback", _rolled_back(truth, done)),
            ("window", _recent(truth, done)),
        ):
            if found is not None:
                links.append(Linked(truth, found, method))
                break
    return links


def lead_times(deliveries: Deliveries) -> dict[str, list[float]]:
    """The lead time of each commit that a deployment was the first to bring to production, by the deployment's id."""
    found: dict[str, list[float]] = {}
    for line in deliveries.lines.values():
        commits = [commit for push in line.pushes for commit in push.commits]
        place_of = {commit.sha: place for place, commit in enumerate(commits)}
        newest: int | None = None
        for release in sorted((r for r in line.releases if r.is_production), key=lambda r: r.done_at):
            place = place_of[release.sha]
            brought = commits[newest + 1 : place + 1] if newest is not None else []
            leads = [(release.done_at - commit.at).total_seconds() for commit in brought]
            found[release.id] = [lead for lead in leads if lead >= 0]
            newest = max(place, newest if newest is not None else place)
    return found


def aggregate(  # noqa: PLR0913 - options by name
    deliveries: Deliveries,
    truths: Iterable[Truth],
    *,
    since: datetime,
    until: datetime,
    by_service: bool = False,
    zone: str = "UTC",
) -> dict[str | None, dict[str, Any]]:
    """The five metrics of the deployments that finished in [since, until), by service or under None."""
    links = link(deliveries, truths)
    leads = lead_times(deliveries)
    done = [release for release in deliveries.releases if release.is_production]
    groups: dict[str | None, list[Release]] = defaultdict(list)
    for release in done:
        if since <= release.done_at < until:
            groups[release.pipeline.service.name if by_service else None].append(release)
    days = (until - since) / timedelta(days=1)
    weeks = _weeks(since, until, ZoneInfo(zone))
    return {
        key: {
            "deployment_frequency": {
                "deployments": len(group),
                "per_day": len(group) / days,
                "median_deploy_days_per_week": _deploy_days(group, weeks, ZoneInfo(zone)),
            },
            "lead_time_for_changes_seconds": distribution(lead for release in group for lead in leads[release.id]),
            **_failures(group, links, done),
            "deployment_rework_rate": _share("rework", [r for r in group if r.kind != "planned"], group),
        }
        for key, group in groups.items()
    }


def _named(words: Sequence[str], truth: Truth, done: Sequence[Release]) -> Release | None:
    before = [release for release in done if release.done_at < truth.triggered_at]
    for found in (
        [release for release in before if release.id in words],
        [release for release in before if any(len(w) >= _SHORTEST_SHA and release.sha.startswith(w) for w in words)],
    ):
        if found:
            return max(found, key=lambda r: (r.pipeline.service.name == truth.service.name, r.done_at))
    return None


def _rolled_back(truth: Truth, done: Sequence[Release]) -> Release | None:
    """What a rollback or hotfix that names the incident blames."""
    for mend in done:
        if mend.incident in {truth.incident.id, truth.number}:
            if mend.rollback_of:
                return next((release for release in done if release.id == mend.rollback_of), None)
            before = [r for r in done if r.pipeline == mend.pipeline and r.done_at < truth.triggered_at]
            return before[-1] if before else None
    return None


def _recent(truth: Truth, done: Sequence[Release]) -> Release | None:
    began = truth.triggered_at
    of_service = [r for r in done if r.pipeline.service.name == truth.service.name]
    recent = [r for r in of_service if began - timedelta(hours=CHANGE_WINDOW_HOURS) <= r.done_at < began]
    return recent[-1] if recent else None


def _failures(group: Sequence[Release], links: Sequence[Linked], done: Sequence[Release]) -> dict[str, Any]:
    failed: dict[str, list[Release]] = {method: [] for method in METHODS}
    spans = []
    for release in group:
        own = [linked for linked in links if linked.release.id == release.id]
        undone = min((r.done_at for r in done if r.rollback_of == release.id), default=None)
        methods = [linked.method for linked in own] + (["rollback"] if undone else [])
        if not methods:
            continue
        failed[min(methods, key=METHODS.index)].append(release)
        ends = [linked.incident.resolved_at for linked in own] or [undone]
        if all(ends):
            spans.append((max(end for end in ends if end) - release.done_at).total_seconds())
    every = [release for found in failed.values() for release in found]
    rate = _share("failed", every, group)
    rate["by_method"] = {method: len(found) for method, found in failed.items()}
    recovery = distribution(span for span in spans if span >= 0)
    return {"change_failure_rate": rate, "failed_deployment_recovery_time_seconds": recovery}


def _share(name: str, some: Sequence[Release], group: Sequence[Release]) -> dict[str, Any]:
    return {name: len(some), "deployments": len(group), "ratio": len(some) / len(group)}


def _weeks(since: datetime, until: datetime, zone: ZoneInfo) -> set[tuple[int, int]]:
    first = since.astimezone(zone).date()
    last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    return {(first + timedelta(days=n)).isocalendar()[:2] for n in range((last - first).days + 1)}


def _deploy_days(group: Sequence[Release], weeks: set[tuple[int, int]], zone: ZoneInfo) -> float:
    days = {release.done_at.astimezone(zone).date() for release in group}
    return median(sum(day.isocalendar()[:2] == week for day in days) for week in weeks)
