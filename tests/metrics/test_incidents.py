"""Metrics out of the marts against figures worked out in Python."""

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from em_agent.kit.postgres import open_pool
from em_agent.metrics.incidents import MOST_REMEMBERED, IncidentMeter
from em_agent.metrics.models import Duration, Group, IncidentMetrics
from em_agent.metrics.query import Query
from tests.marts import Transformer, execute, fetch, store
from tests.warehouse.histories import START, Told, histories
from tests.warehouse.truth import truth

SINCE, UNTIL = START + timedelta(days=10), START + timedelta(days=45)
WIDE = Query(since=datetime(1990, 1, 1, tzinfo=UTC), until=datetime(2100, 1, 1, tzinfo=UTC))


def measure(url: str, query: Query, *, compare_previous: bool = False) -> IncidentMetrics:
    """The product's answer."""

    async def run() -> IncidentMetrics:
        async with open_pool(url, name="test", size=2) as pool:
            return await IncidentMeter(pool).measure(query, compare_previous=compare_previous)

    return asyncio.run(run())


def percentile(values: list[float], fraction: float) -> float:
    """Interpolated between the two nearest, as `percentile_cont` does."""
    place = fraction * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def assert_duration(found: Duration, values: list[float | None], what: object) -> None:
    """The duration is that of the values that are known."""
    known = sorted(value for value in values if value is not None)
    assert found.count == len(known), what
    if not known:
        assert found == Duration(), what
        return
    expected = (sum(known) / len(known), *(percentile(known, fraction) for fraction in (0.5, 0.75, 0.9, 0.95)))
    got = (found.mean, found.median, found.p75, found.p90, found.p95)
    for one, other in zip(got, expected, strict=True):
        assert one is not None
        assert math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6), (what, found, expected)


def assert_group(group: Group, facts: list[dict[str, Any]]) -> None:
    """The group has the counts and durations of the incidents."""
    assert group.incidents == len(facts), group.key
    assert group.open == sum(fact["resolved_at"] is None for fact in facts)
    assert group.resolved == sum(fact["resolved_at"] is not None for fact in facts)
    assert group.acknowledged == sum(fact["acknowledged_at"] is not None for fact in facts)
    assert group.reopened == sum(fact["reopen_count"] > 0 for fact in facts)
    assert group.escalated == sum(fact["escalation_count"] > 0 for fact in facts)
    assert group.auto_resolved == sum(fact["is_auto_resolved"] for fact in facts)
    assert group.merged == sum(fact["is_merged"] for fact in facts)
    assert group.priority_raised == sum(fact["is_priority_raised"] for fact in facts)
    assert group.handed_over == sum(fact["is_handed_over"] for fact in facts)
    assert group.impossible == sum(fact["is_impossible"] for fact in facts)
    assert group.high_urgency == sum(fact["urgency"] == "high" for fact in facts)
    for name in ("time_to_acknowledge_seconds", "time_to_resolve_seconds", "active_seconds"):
        assert_duration(getattr(group, name), [fact[name] for fact in facts], (group.key, name))


def facts_of(told: list[Told]) -> list[dict[str, Any]]:
    """The truth of every incident."""
    ids = sorted({event.incident_id for event in told})
    return [{"id": key, **truth([event for event in told if event.incident_id == key])} for key in ids]


def test_figures_are_the_truth(database_url: str, transformer: Transformer) -> None:
    """Counts, means and percentiles of every grouping, filter and clock are those of the incidents."""
    told = histories(seed=11, incidents=250)
    store(database_url, [event.stored() for event in told])
    transformer.run()
    facts = facts_of(told)
    inside = [fact for fact in facts if fact["triggered_at"] and SINCE <= fact["triggered_at"] < UNTIL]
    query = Query(since=SINCE, until=UNTIL)

    answer = measure(database_url, query, compare_previous=True)
    assert [group.key for group in answer.groups] == [{}]
    assert_group(answer.groups[0], inside)
    assert answer.groups[0].incomplete == sum(fact["is_incomplete"] for fact in facts)
    assert answer.as_of == max(event.received_at for event in told)
    assert answer.previous is not None
    assert answer.previous.since == SINCE - (UNTIL - SINCE)
    before = [fact for fact in facts if fact["triggered_at"] and answer.previous.since <= fact["triggered_at"] < SINCE]
    assert_group(answer.previous.groups[0], before)

    by_service(database_url, facts, inside)
    by_team_and_day(database_url, inside)
    merged_out = [fact for fact in inside if not fact["is_merged"] and fact["urgency"] == "high"]
    high = Query(since=SINCE, until=UNTIL, exclude_merged=True, urgencies=("high",))
    assert_group(measure(database_url, high).groups[0], merged_out)
    resolved = [
        fact for fact in facts if fact["triggered_at"] and fact["resolved_at"] and SINCE <= fact["resolved_at"] < UNTIL
    ]
    assert_group(measure(database_url, Query(since=SINCE, until=UNTIL, attribute_by="resolved")).groups[0], resolved)
    received_is_the_notebook(database_url)


def by_service(url: str, facts: list[dict[str, Any]], inside: list[dict[str, Any]]) -> None:
    """Groups by service, named by the newest name, and the filters that take id or name."""
    names: dict[str | None, str | None] = {"S9": "S9", None: None, **{f"S{n}": f"Service {n}" for n in range(4)}}
    groups = measure(url, Query(since=SINCE, until=UNTIL, group_by=("service",))).groups
    shown = {group.key["service"]: group for group in groups}
    in_play = {names[fact["service_id"]] for fact in [*inside, *(fact for fact in facts if fact["is_incomplete"])]}
    assert set(shown) == in_play
    assert [group.key["service"] for group in groups] == sorted(in_play, key=lambda name: (name is None, name or ""))
    for name, group in shown.items():
        assert_group(group, [fact for fact in inside if names[fact["service_id"]] == name])
    for given in (("S1",), ("Service 1",), ("S1", "Service 1")):
        filtered = measure(url, Query(since=SINCE, until=UNTIL, services=given))
        assert_group(filtered.groups[0], [fact for fact in inside if fact["service_id"] == "S1"])
    for given in (("PR1", "P2"), ("P1", "PR2")):
        filtered = measure(url, Query(since=SINCE, until=UNTIL, priorities=given))
        assert_group(filtered.groups[0], [fact for fact in inside if fact["priority_id"] in {"PR1", "PR2"}])


def by_team_and_day(url: str, inside: list[dict[str, Any]]) -> None:
    """An incident counts in each of its teams, one without under null; days without incidents are shown."""
    groups = measure(url, Query(since=SINCE, until=UNTIL, group_by=("team", "day"))).groups
    teams = {team for fact in inside for team in fact["team_ids"] or [None]}
    assert len(groups) == len(teams) * 35
    for group in groups:
        team = group.key["team"]
        assert group.incomplete is None
        of_day = [fact for fact in inside if fact["triggered_at"].date().isoformat() == group.key["day"]]
        assert_group(
            group, [fact for fact in of_day if (f"T{team[-1]}" in fact["team_ids"] if team else not fact["team_ids"])]
        )


def received_is_the_notebook(url: str) -> None:
    """A wide window of the received clock is the notebook's query."""
    spans = fetch(
        url,
        """
        WITH spans AS (
          SELECT min(received_at) FILTER (WHERE payload->'event'->>'event_type' = 'incident.triggered') AS t,
            min(received_at) FILTER (WHERE payload->'event'->>'event_type' = 'incident.acknowledged') AS a,
            max(received_at) FILTER (WHERE payload->'event'->>'event_type' = 'incident.resolved') AS r
          FROM events_raw GROUP BY payload->'event'->'data'->>'id'
        )
        SELECT t, extract(epoch FROM a - t)::float8 AS a, extract(epoch FROM r - t)::float8 AS r FROM spans
        """,
    )
    query = Query(since=WIDE.since, until=WIDE.until, clock="received")
    group = measure(url, query).groups[0]
    assert group.incidents == sum(span["t"] is not None for span in spans)
    assert group.active_seconds == Duration()
    assert_duration(group.time_to_resolve_seconds, [span["r"] for span in spans], "received")
    assert_duration(group.time_to_acknowledge_seconds, [span["a"] for span in spans], "received")


def test_no_incidents_are_no_figures(database_url: str, transformer: Transformer) -> None:
    """Before the marts are built, and without events, one group has no incidents, and nothing is 0 that is unknown."""
    for prepare in (lambda: None, transformer.run):
        prepare()
        answer = measure(database_url, Query(since=SINCE, until=UNTIL))
        assert answer.as_of is None
        assert answer.groups == [Group(key={})]
        assert answer.groups[0].time_to_resolve_seconds.mean is None


def test_a_change_is_seen_at_once(database_url: str, transformer: Transformer) -> None:
    """A repeated question is answered anew as soon as a run has taken in more."""
    told = histories(seed=12, incidents=30)
    query = Query(since=WIDE.since, until=WIDE.until, group_by=("urgency",))

    async def ask(meter: IncidentMeter) -> int:
        return sum(group.incidents for group in (await meter.measure(query)).groups)

    async def run() -> list[int]:
        counts = []
        async with open_pool(database_url, name="test", size=2) as pool:
            meter = IncidentMeter(pool)
            for part in (told[:20], told[20:60], told[60:]):
                await asyncio.to_thread(store, database_url, [event.stored() for event in part])
                await asyncio.to_thread(transformer.run)
                counts += [await ask(meter), await ask(meter)]
        return counts

    counts = asyncio.run(run())
    assert counts[0] == counts[1] < counts[2] == counts[3] < counts[4] == counts[5]
    complete = fetch(database_url, "SELECT count(triggered_at) AS n FROM warehouse.fct_incidents")
    assert counts[-1] == complete[0]["n"]


def test_two_ids_of_one_name_are_one_group(database_url: str, transformer: Transformer) -> None:
    """Services that share their newest name are one group."""
    told = histories(seed=13, incidents=40)
    store(database_url, [event.stored() for event in told])
    transformer.run()
    execute(database_url, "UPDATE warehouse.dim_services SET service_name = 'One' WHERE service_id IN ('S0', 'S1')")
    groups = measure(database_url, Query(since=WIDE.since, until=WIDE.until, group_by=("service",))).groups
    facts = [fact for fact in facts_of(told) if fact["service_id"] in {"S0", "S1"} and fact["triggered_at"]]
    assert_group(next(group for group in groups if group.key["service"] == "One"), facts)


@pytest.mark.parametrize("clock", ["occurred", "received"])
def test_every_grouping_runs(database_url: str, transformer: Transformer, clock: Any) -> None:
    """Every grouping, alone and all together, and every filter is a statement that PostgreSQL takes."""
    store(database_url, [event.stored() for event in histories(seed=14, incidents=10)])
    transformer.run()
    names = ("service", "team", "urgency", "priority", "escalation_policy", "day", "week", "month")
    for group_by in [*((name,) for name in names), names[:5], names[5:]]:
        for attribute in ("triggered", "resolved"):
            query = Query(
                since=SINCE, until=UNTIL, clock=clock, attribute_by=attribute, group_by=group_by,
                teams=("T1", "Team 0"), services=("S1", "S2", "S3"), priorities=("P1", "PR2", "PR3"),
                urgencies=("low",), exclude_merged=True,
            )  # fmt: skip
            for group in measure(database_url, query).groups:
                assert tuple(group.key) == group_by


def test_only_so_much_is_remembered(database_url: str, transformer: Transformer) -> None:
    """Answers are given again until they are more than there is room for; one that is too long is not kept."""
    store(database_url, [event.stored() for event in histories(seed=14, incidents=10)])
    transformer.run()

    async def run() -> None:
        async with open_pool(database_url, name="test", size=2) as pool:
            meter = IncidentMeter(pool)
            long = replace(WIDE, since=UNTIL - timedelta(days=3000), until=UNTIL, group_by=("day", "urgency"))
            months = [replace(WIDE, since=SINCE - timedelta(days=n), group_by=("month",)) for n in range(8)]
            first = await meter.measure(months[0])
            assert (await meter.measure(months[0])).groups[0] is first.groups[0]
            assert len((await meter.measure(long)).groups) > MOST_REMEMBERED
            assert (await meter.measure(months[0])).groups[0] is first.groups[0]
            for query in months[1:]:
                assert (await meter.measure(query)).groups == (await meter.measure(query)).groups
            assert (await meter.measure(months[0])).groups[0] is not first.groups[0]
            assert (await meter.measure(months[0])).groups == first.groups

    asyncio.run(run())
