"""The truth of incidents against an independent reading of their events, and its sums against sums by hand."""

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from em_agent.demo.payloads import v3
from em_agent.demo.truth import Episode, Truth, aggregate, distribution, percentile
from em_agent.demo.year import Year


def _read(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What the events of one incident say, in the plainest way."""
    life: dict[str, Any] = {"acknowledged_at": None, "spans": [], "turns": set(), "priorities": []}
    resolver = None
    for event in events:
        at = datetime.fromisoformat(event["occurred_at"])
        kind = event["event_type"].removeprefix("incident.")
        is_resolved = bool(life["spans"]) and life["spans"][-1][1] is not None
        if kind in {"triggered", "reopened"} or (is_resolved and kind in {"acknowledged", "escalated"}):
            life["spans"].append([at, None])
        if kind == "acknowledged" and life["acknowledged_at"] is None:
            life["acknowledged_at"] = at
        if kind == "resolved":
            life["spans"][-1][1] = at
            resolver = event
        life["turns"].add(kind)
        if event["data"]["type"] == "incident":
            life["last"] = event["data"]
            life["priorities"].append((event["data"]["priority"] or {}).get("summary"))
    is_over = life["spans"][-1][1] is not None
    reason = resolver["data"]["resolve_reason"] if is_over and resolver else None
    is_by_person = bool(resolver and resolver["agent"] and resolver["agent"]["type"] == "user_reference")
    return life | {"merged": reason is not None, "auto": is_over and reason is None and not is_by_person}


def test_truth_is_what_the_events_say(year: Year) -> None:
    """Reading every event of an incident in order gives the times, turns and filing that its truth states."""
    for story in year.stories:
        truth = story.truth
        read = _read([v3(story, step)["event"] for step in story.steps])
        assert read["acknowledged_at"] == truth.acknowledged_at
        assert [tuple(span) for span in read["spans"]] == [(e.started_at, e.resolved_at) for e in truth.episodes]
        assert ("escalated" in read["turns"]) == truth.is_escalated
        assert bool({"delegated", "reassigned"} & read["turns"]) == truth.is_handed_over
        assert (read["merged"], read["auto"]) == (truth.is_merged, truth.is_auto_resolved)
        last = read["last"]
        assert last["service"]["id"] == truth.service.thing.id
        assert [team["summary"] for team in last["teams"]] == [team.name for team in truth.service.teams]
        assert last["urgency"] == truth.urgency
        assert last["number"] == truth.number
        priorities = read["priorities"]
        assert priorities[-1] == (truth.priority.name if truth.priority else None)
        pairs = itertools.pairwise(priorities)
        assert any(old and new and new < old for old, new in pairs) == truth.is_priority_raised


def test_without_its_trigger_an_incident_began_at_the_whole_second(year: Year) -> None:
    """The creation time stands in for the trigger, and lies less than a second before it."""
    for story in year.stories:
        known = story.truth.without_trigger()
        assert known.triggered_at == story.truth.created_at
        assert timedelta(0) <= story.truth.triggered_at - known.triggered_at < timedelta(seconds=1)
        assert known.resolved_at == story.truth.resolved_at


@pytest.mark.parametrize(
    ("values", "fraction", "expected"),
    [([5.0], 0.9, 5.0), ([1.0, 2.0], 0.5, 1.5), ([10.0, 20.0, 30.0, 40.0], 0.9, 37.0), ([0.0, 1.0, 4.0], 0.75, 2.5)],
)
def test_percentiles_interpolate(values: list[float], fraction: float, expected: float) -> None:
    """A percentile between two values lies between them in proportion."""
    assert percentile(values, fraction) == pytest.approx(expected)


def test_what_is_unknown_is_null() -> None:
    """Without a value there is no mean and no percentile; a value that is missing does not count as zero."""
    assert distribution([None]) == {"count": 0, "mean": None, "median": None, "p75": None, "p90": None, "p95": None}
    assert distribution([None, 60.0])["mean"] == 60.0


@pytest.fixture
def four(year: Year) -> list[Truth]:
    """Four incidents with times that can be summed in the head."""
    model = next(story.truth for story in year.stories if len(story.truth.service.teams) == 2)
    base = replace(
        model, is_escalated=False, is_handed_over=False, is_merged=False, is_auto_resolved=False,
        is_priority_raised=False, urgency="high",
    )  # fmt: skip
    start = year.start

    def at(minutes: float) -> datetime:
        return start + timedelta(minutes=minutes)

    return [
        replace(base, acknowledged_at=at(1), episodes=(Episode(at(0), at(10)),)),
        replace(base, acknowledged_at=at(103), episodes=(Episode(at(100), at(110)), Episode(at(120), at(130)))),
        replace(base, acknowledged_at=None, episodes=(Episode(at(200), at(220)),), is_merged=True, urgency="low"),
        replace(base, acknowledged_at=at(308), episodes=(Episode(at(300)),), is_escalated=True, priority=None),
    ]


def test_sums_are_those_made_by_hand(four: list[Truth]) -> None:
    """Counts and times of four incidents: one plain, one reopened, one merged, one open."""
    (group,) = aggregate(four)
    assert group["key"] == {}
    counts = {name: group[name] for name in ("incidents", "open", "resolved", "acknowledged", "reopened", "merged")}
    assert counts == {"incidents": 4, "open": 1, "resolved": 3, "acknowledged": 3, "reopened": 1, "merged": 1}
    assert (group["escalated"], group["high_urgency"], group["auto_resolved"]) == (1, 3, 0)
    assert group["time_to_acknowledge_seconds"] == {
        "count": 3, "mean": 240.0, "median": 180.0, "p75": 330.0,
        "p90": pytest.approx(420.0), "p95": pytest.approx(450.0)
    }  # fmt: skip
    assert group["time_to_resolve_seconds"]["mean"] == pytest.approx((600 + 1800 + 1200) / 3)
    assert group["active_seconds"]["mean"] == pytest.approx((600 + 1200 + 1200) / 3)
    assert group["time_to_resolve_seconds"]["p90"] == pytest.approx(1680.0)


def test_groups_and_windows(four: list[Truth]) -> None:
    """An incident of two teams counts in both, one without priority under null; a window has its start, not its end."""
    assert {group["key"]["urgency"]: group["incidents"] for group in aggregate(four, "urgency")} == {
        "high": 3,
        "low": 1,
    }
    teams = aggregate(four, "team")
    assert [group["incidents"] for group in teams] == [4, 4]
    assert aggregate(four, "priority")[-1]["key"] == {"priority": None}
    (window,) = aggregate(four, since=four[1].triggered_at, until=four[3].triggered_at)
    assert window["incidents"] == 2
    (empty,) = aggregate([])
    assert empty["incidents"] == 0


def test_groups_cover_all(year: Year) -> None:
    """Every incident is in exactly one service, urgency and priority."""
    truths = [story.truth for story in year.stories]
    totals: dict[str, int] = defaultdict(int)
    for name in ("service", "urgency", "priority"):
        totals[name] = sum(group["incidents"] for group in aggregate(truths, name))
    assert set(totals.values()) == {len(truths)}
