"""The five metrics against figures worked out in Python."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from em_agent.kit.postgres import Pool
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.dora.models import DoraGroup, DoraMetrics
from em_agent.metrics.dora.query import DoraQuery
from tests.delivered import Broken, Deployed, World, build
from tests.marts import bare_url as database_url  # noqa: F401

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 2, tzinfo=UTC)
METHODS = ("manual", "explicit", "rollback", "window")
HOUR = timedelta(hours=1)


async def measure(pool: Pool, query: DoraQuery, world: World | None = None, **options: bool) -> DoraMetrics:
    """The product's answer, over the world where it is not there yet."""
    if world is not None:
        async with pool.acquire() as connection:
            await build(connection, world)
    return await DoraMeter(pool).measure(query, **options)


def random_world(seed: int) -> World:
    """Some weeks of deployments with all that may befall them."""
    rng = Random(seed)

    def moment() -> datetime:
        return START + timedelta(seconds=rng.randrange(60 * 86_400))

    deployments: list[Deployed] = []
    for number in range(260):
        at = moment()
        earlier = [d for d in deployments if d.finished_at]
        named = rng.choice(earlier).id if earlier and rng.random() < 0.1 else None
        status = rng.choices(("success", "failure", "in_progress"), (8, 1, 1))[0]
        deployments.append(
            Deployed(
                id=f"d-{number}",
                service=rng.choice(("Checkout", "checkout", "search", "Mail")),
                environment=rng.choices(("production", "Production", "staging"), (6, 1, 2))[0],
                started_at=at - HOUR,
                finished_at=at if status == "success" else None,
                status=status,
                kind=rng.choices(("planned", "hotfix"), (5, 1))[0] if named is None else "rollback",
                rollback_of=named,
                leads=tuple(rng.expovariate(1 / 90_000) for _ in range(rng.randrange(5)))
                if status == "success"
                else (),
            )
        )
    finished = [d for d in deployments if d.finished_at]
    incidents = []
    for number in range(90):
        cause = rng.choice(finished)
        assert cause.finished_at is not None
        began = cause.finished_at + timedelta(seconds=rng.randrange(40_000))
        incidents.append(
            Broken(
                id=f"P{number}",
                deployment=cause.id,
                environment=cause.environment,
                method=rng.choice(METHODS[1:]),
                urgency=rng.choice(("high", "low", None)),
                priority=rng.choice(("P1", "P2", None)),
                triggered_at=began,
                # One in ten was over before its deployment was finished.
                resolved_at=None if rng.random() < 0.2 else began + rng.choice((1, 5, 9, -20)) * HOUR,
            )
        )
    return World(deployments, incidents, services=[("PSEARCH", "Search")], as_of=START)


def truth(
    world: World, query: DoraQuery, environment: str = "production"
) -> dict[tuple[str | None, ...], dict[str, Any]]:
    """The five metrics by the values of the query's groupings, in the plainest way; only groups with a deployment."""
    ours = [d for d in world.deployments if d.status == "success" and d.environment.lower() == environment]
    incidents = [
        i
        for i in world.incidents
        if (not query.urgencies or i.urgency in query.urgencies)
        and (not query.priorities or i.priority in query.priorities)
    ]
    groups: dict[tuple[str | None, ...], list[Deployed]] = defaultdict(list)
    for d in ours:
        assert d.finished_at is not None
        if query.since <= d.finished_at < query.until:
            local = d.finished_at.astimezone(query.zone).date()
            groups[
                tuple(d.service.lower() if name == "service" else key_of(name, local) for name in query.group_by)
            ].append(d)
    return {key: figures(group, ours, incidents, query.zone) for key, group in groups.items()}


def key_of(unit: str, day: date) -> str:
    """The key of the day's unit."""
    return day.strftime({"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[unit])


def figures(group: list[Deployed], ours: list[Deployed], incidents: list[Broken], zone: ZoneInfo) -> dict[str, Any]:
    """The counts and durations of one group."""
    methods = dict.fromkeys(METHODS, 0)
    spans = []
    for d in group:
        linked = [i for i in incidents if i.deployment == d.id]
        undone = sorted(r.finished_at for r in ours if r.rollback_of == d.id and r.finished_at)
        if not linked and not undone:
            continue
        ways = [i.method for i in linked] + (["rollback"] if undone else [])
        methods[min(ways, key=METHODS.index)] += 1
        ends = [i.resolved_at for i in linked] if linked else undone[:1]
        if all(ends):
            span = (max(end for end in ends if end) - d.finished_at).total_seconds()  # type: ignore[operator]
            spans += [span] if span >= 0 else []
    days = defaultdict(set)
    for d in group:
        local = d.finished_at.astimezone(zone).date()  # type: ignore[union-attr]
        days[local.isocalendar()[:2]].add(local)
    return {
        "deployments": len(group),
        "leads": [lead for d in group for lead in d.leads],
        "methods": methods,
        "failed": sum(methods.values()),
        "spans": spans,
        "rework": sum(d.kind in {"rollback", "hotfix"} for d in group),
        "deploy_days": sorted(len(found) for found in days.values()),
        "links": sorted((i.id, i.deployment, i.method) for d in group for i in incidents if i.deployment == d.id),
    }


def percentile(values: Sequence[float], fraction: float) -> float:
    """Interpolated between the two nearest, as `percentile_cont` does."""
    place = fraction * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def assert_duration(found: Any, values: Iterable[float]) -> None:
    """The duration is that of the values."""
    known = sorted(values)
    assert found.count == len(known)
    if not known:
        assert found.mean is found.median is found.band is None
        return
    expected = (sum(known) / len(known), *(percentile(known, fraction) for fraction in (0.5, 0.75, 0.9, 0.95)))
    assert (found.mean, found.median, found.p75, found.p90, found.p95) == pytest.approx(expected, rel=1e-9)
    assert found.band


def assert_group(group: DoraGroup, expected: dict[str, Any] | None, days: float, weeks: int) -> None:
    """The group has the figures that were worked out, or none."""
    frequency, failures, rework = group.deployment_frequency, group.change_failure_rate, group.deployment_rework_rate
    if expected is None:
        assert (frequency.deployments, failures.failed, rework.rework) == (0, 0, 0)
        unknown = (
            frequency.per_day,
            frequency.median_deploy_days_per_week,
            frequency.band,
            failures.ratio,
            failures.band,
        )
        assert [*unknown, rework.ratio] == [None] * 6
        assert group.links == []
        return
    count = expected["deployments"]
    assert frequency.deployments == failures.deployments == rework.deployments == count
    assert frequency.per_day == pytest.approx(count / days, rel=1e-12)
    zeros = [0] * (weeks - len(expected["deploy_days"]))
    assert frequency.median_deploy_days_per_week == statistics.median([*zeros, *expected["deploy_days"]])
    assert failures.by_method.model_dump() == expected["methods"]
    assert (failures.failed, rework.rework) == (expected["failed"], expected["rework"])
    assert failures.ratio == pytest.approx(expected["failed"] / count)
    assert rework.ratio == pytest.approx(expected["rework"] / count)
    assert_duration(group.lead_time_for_changes_seconds, expected["leads"])
    assert_duration(group.failed_deployment_recovery_time_seconds, expected["spans"])
    assert sorted((link.incident, link.deployment, link.method) for link in group.links) == expected["links"]


@pytest.mark.parametrize("seed", range(3))
async def test_figures_are_the_truth(pool: Pool, seed: int) -> None:
    """Every metric of every grouping and filter is the one that follows from deployments, commits and incidents."""
    world = random_world(seed)
    whole = DoraQuery(since=START + timedelta(days=8), until=START + timedelta(days=50), timezone="Europe/Berlin")
    answer = await measure(pool, whole, world)
    (group,) = answer.groups
    assert (group.key, answer.as_of) == ({}, START)
    assert_group(group, truth(world, whole)[()], days=42, weeks=7)

    by_service = replace(whole, group_by=("service",))
    cases: list[dict[str, Any]] = [{}, {"urgencies": ("high",)}, {"priorities": ("P2",)}, {"priorities": ("PR1",)}]
    for changes in cases:
        named: dict[str, Any] = {
            name: tuple(value.replace("PR", "P") for value in values) for name, values in changes.items()
        }
        expected = truth(world, replace(by_service, **named))
        found = (await measure(pool, replace(by_service, **changes))).groups
        assert len(found) == len(expected) == 3
        for group in found:
            assert_group(group, expected[(str(group.key["service"]).lower(),)], days=42, weeks=7)


async def test_time_groups(pool: Pool) -> None:
    """Days, weeks and months are those of the zone, cut at the window's ends, and shown where they are empty."""
    world = random_world(9)
    since, until = START + timedelta(days=8, hours=5), START + timedelta(days=75)
    await measure(pool, DoraQuery(since=since, until=until), world)
    for unit in ("day", "week", "month"):
        query = DoraQuery(since=since, until=until, timezone="Europe/Berlin", group_by=("service", unit))
        expected = truth(world, query)
        found = (await measure(pool, query)).groups
        keys = {
            tuple(str(value).lower() if name == "service" else value for name, value in group.key.items()): group
            for group in found
        }
        assert len(keys) == len(found)
        assert set(expected) <= set(keys)
        ends = {moment.astimezone(BERLIN).date() for moment in (since, until - timedelta(microseconds=1))}
        all_days = [min(ends) + timedelta(days=n) for n in range((max(ends) - min(ends)).days + 1)]
        assert {key[1] for key in keys} == {key_of(unit, day) for day in all_days}
        for key, group in keys.items():
            days = [day for day in all_days if key_of(unit, day) == key[1]]
            begin = max(since, datetime.combine(days[0], datetime.min.time(), BERLIN).astimezone(UTC))
            end = min(
                until, datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), BERLIN).astimezone(UTC)
            )
            weeks = len({day.isocalendar()[:2] for day in days})
            assert_group(group, expected.get(key), days=(end - begin).total_seconds() / 86_400, weeks=weeks)


async def test_services_and_environments(pool: Pool) -> None:
    """A service is found by its name in any case or by PagerDuty's id, an environment in any case; both may repeat."""
    world = random_world(4)
    window = DoraQuery(since=START, until=START + timedelta(days=60))
    everything = await measure(pool, replace(window, group_by=("service",)), world)
    of = {str(group.key["service"]).lower(): group.deployment_frequency.deployments for group in everything.groups}
    for services, expected in ((("CHECKOUT",), of["checkout"]), (("PSEARCH",), of["search"]), (("mail", "Search"), of["mail"] + of["search"]), (("none",), 0)):  # fmt: skip
        (group,) = (await measure(pool, replace(window, services=services))).groups
        assert group.deployment_frequency.deployments == expected, services
    assert (await measure(pool, replace(window, services=("none",), group_by=("service",)))).groups == []
    staging = replace(window, environments=("Staging",))
    (group,) = (await measure(pool, staging)).groups
    assert_group(group, truth(world, staging, "staging")[()], days=60, weeks=9)
    async with pool.acquire() as connection:
        await connection.execute("INSERT INTO service_mapping VALUES ('pagerduty', 'psearch', 'Mail')")
    (mapped,) = (await measure(pool, replace(window, services=("PSEARCH",)))).groups
    assert mapped.deployment_frequency.deployments == of["search"] + of["mail"]
    both = await measure(pool, replace(window, environments=("staging", "production")))
    assert both.groups[0].deployment_frequency.deployments == group.deployment_frequency.deployments + sum(of.values())


async def test_recovery(pool: Pool) -> None:
    """It ends with the last of the incidents, never while one is open; with the rollback where there is no incident."""
    at = START + timedelta(days=1)
    world = World(
        [
            Deployed(id="two", finished_at=at),
            Deployed(id="open", finished_at=at),
            Deployed(id="undone", finished_at=at),
            Deployed(id="both", finished_at=at),
            Deployed(id="before", finished_at=at),
            Deployed(id="fine", finished_at=at),
            Deployed(id="r1", finished_at=at + 2 * HOUR, kind="rollback", rollback_of="undone"),
            Deployed(id="r2", finished_at=at + HOUR, kind="rollback", rollback_of="undone"),
            Deployed(id="r3", finished_at=at + HOUR, kind="rollback", rollback_of="both"),
            Deployed(id="r4", finished_at=None, status="failure", kind="rollback", rollback_of="fine"),
            Deployed(id="r5", finished_at=at, environment="staging", kind="rollback", rollback_of="fine"),
        ],
        [
            Broken(id="P1", deployment="two", resolved_at=at + 3 * HOUR),
            Broken(id="P2", deployment="two", resolved_at=at + 5 * HOUR),
            Broken(id="P3", deployment="open", resolved_at=at + HOUR),
            Broken(id="P4", deployment="open"),
            Broken(id="P5", deployment="both", resolved_at=at + 7 * HOUR),
            Broken(id="P6", deployment="before", resolved_at=at - HOUR),
        ],
    )
    (group,) = (await measure(pool, DoraQuery(since=START, until=START + timedelta(days=7)), world)).groups
    assert_duration(group.failed_deployment_recovery_time_seconds, [3600.0, 5 * 3600.0, 7 * 3600.0])
    assert group.change_failure_rate.failed == 5
    assert group.change_failure_rate.by_method.model_dump() == {"manual": 0, "explicit": 0, "rollback": 2, "window": 3}
    assert group.deployment_rework_rate.rework == 3


async def test_scores_are_null_where_one_is_missing(pool: Pool) -> None:
    """The overall score is the mean of five; without a failure there is no recovery time, and so no mean."""
    at = START + timedelta(days=1)
    world = World(
        [
            Deployed(id="a", service="whole", finished_at=at, leads=(1800.0,)),
            Deployed(id="b", service="whole", finished_at=at),
            Deployed(id="c", service="lucky", finished_at=at, leads=(1800.0,)),
        ],
        [Broken(id="P1", deployment="a", resolved_at=at + 2 * HOUR)],
    )
    query = DoraQuery(since=START, until=START + timedelta(days=1, hours=1), edition="2025", group_by=("service",))
    answer = await measure(pool, query, world)
    lucky, whole = answer.groups
    assert (lucky.score, lucky.deployment_frequency.score, lucky.lead_time_for_changes_seconds.score) == (None, 6, 10)
    assert whole.score == pytest.approx((8 + 10 + 5 + 8 + 10) / 5)
    assert whole.deployment_frequency.band is None
    assert answer.published_means is not None


async def test_before_the_marts_are_built(pool: Pool) -> None:
    """Without marts there are no deployments, and time's groups are shown."""
    window = DoraQuery(since=START, until=START + timedelta(days=2))
    answer = await measure(pool, replace(window, group_by=("day",)), compare_previous=True)
    assert answer.as_of is None
    assert answer.previous is not None
    assert [group.key["day"] for group in answer.previous.groups] == ["2026-02-28", "2026-03-01"]
    for group in answer.groups:
        assert_group(group, None, days=1, weeks=1)


async def test_the_window_before(pool: Pool) -> None:
    """The window of the same length before has its own figures."""
    world = World([Deployed(id="a", finished_at=START - HOUR), Deployed(id="b", finished_at=START)])
    query = DoraQuery(since=START, until=START + timedelta(days=2))
    answer = await measure(pool, query, world, compare_previous=True)
    assert answer.previous is not None
    assert answer.previous.since == START - timedelta(days=2)
    assert answer.groups[0].deployment_frequency.deployments == 1
    assert answer.previous.groups[0].deployment_frequency.deployments == 1
