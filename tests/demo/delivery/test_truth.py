"""The truth about deployments against sums made by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from em_agent.demo.company import SERVICES
from em_agent.demo.delivery.releases import PIPELINES, Push, Release
from em_agent.demo.delivery.routine import Line, run_line
from em_agent.demo.delivery.trouble import Deliveries, make_deliveries
from em_agent.demo.delivery.truth import aggregate, lead_times, link
from em_agent.demo.truth import Episode, Truth
from em_agent.demo.year import Year

CHECKOUT = PIPELINES["Checkout API"]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def deliveries(year: Year) -> Deliveries:
    """What was deployed in the quarter."""
    return make_deliveries(year)


@pytest.fixture
def line(year: Year) -> Line:
    """A service's year, of which three deployments are looked at."""
    return run_line(CHECKOUT, year.start, year.end, seed=1)


def _release(line: Line, push: Push, hours: float, **more: object) -> Release:
    model = next(release for release in line.releases if release.is_production)
    done_at = line.pushes[0].at + hours * HOUR
    return replace(model, sha=push.after, started_at=done_at - HOUR, finished_at=done_at, **more)  # type: ignore[arg-type]


def _incident(year: Year, at: float, until: float | None, line: Line) -> Truth:
    start = line.pushes[0].at
    episode = Episode(start + at * HOUR, None if until is None else start + until * HOUR)
    return replace(year.stories[0].truth, service=SERVICES["Checkout API"], episodes=(episode,))


def test_three_deployments(year: Year, line: Line) -> None:
    """One brings commits and is followed by an incident; one is rolled back; the rollback brings nothing."""
    first, second = line.pushes[:2]
    releases = [
        _release(line, first, 100, id="d-1"),
        _release(line, second, 200, id="d-2"),
        _release(line, second, 300, id="d-3"),
        _release(line, first, 301, id="d-4", kind="rollback", rollback_of="d-3"),
    ]
    own = replace(line, releases=releases, pushes=[first, second])
    incident = _incident(year, 201, 203, line)
    world = Deliveries(year, {"Checkout API": own}, (), {})
    assert [(each.release.id, each.method) for each in link(world, [incident])] == [("d-2", "window")]
    leads = lead_times(world)
    assert [len(leads[name]) for name in ("d-1", "d-3", "d-4")] == [0, 0, 0]
    expected = [(releases[1].done_at - commit.at).total_seconds() for commit in second.commits]
    assert leads["d-2"] == expected
    since = line.pushes[0].at
    group = aggregate(world, [incident], since=since, until=since + 400 * HOUR)[None]
    assert group["deployment_frequency"]["per_day"] == 4 / (400 / 24)
    assert group["change_failure_rate"]["failed"] == 2
    assert group["change_failure_rate"]["by_method"] == {"manual": 0, "explicit": 0, "rollback": 1, "window": 1}
    assert group["failed_deployment_recovery_time_seconds"]["mean"] == pytest.approx((3 + 1) / 2 * 3600)
    assert group["deployment_rework_rate"]["ratio"] == 0.25


def test_an_open_incident_has_not_recovered(year: Year, line: Line) -> None:
    """While the incident is open there is no recovery; without a recent deployment there is no link."""
    own = replace(line, releases=[_release(line, line.pushes[0], 10, id="d-1")])
    world = Deliveries(year, {"Checkout API": own}, (), {})
    since = line.pushes[0].at
    group = aggregate(world, [_incident(year, 11, None, line)], since=since, until=since + 48 * HOUR)[None]
    assert group["change_failure_rate"]["failed"] == 1
    assert group["failed_deployment_recovery_time_seconds"]["mean"] is None
    assert link(world, [_incident(year, 40, 41, line)]) == []
    named = replace(world, named={year.stories[0].truth.incident.id: ("d-1",)})
    assert [each.method for each in link(named, [_incident(year, 40, 41, line)])] == ["explicit"]


def test_the_year_has_everything(deliveries: Deliveries) -> None:
    """Every rule finds something, every kind and status occurs, and every id is given once."""
    links = link(deliveries, [story.truth for story in deliveries.year.stories])
    assert {each.method for each in links} == {"explicit", "rollback", "window"}
    releases = deliveries.releases
    assert {release.kind for release in releases} == {"planned", "rollback", "hotfix"}
    assert {release.status for release in releases} == {"success", "failure", "in_progress"}
    assert len({release.id for release in releases}) == len(releases)
    assert any(lead < 0 for line in deliveries.lines.values() for lead in _all_leads(line))


def _all_leads(line: Line) -> list[float]:
    return [(push.at - commit.at).total_seconds() for push in line.pushes for commit in push.commits]


def test_notes_change_no_truth(year: Year, deliveries: Deliveries) -> None:
    """What people noted about deployments stands among the turns of the incident, in their order, and changes none."""
    assert [story.truth for story in deliveries.year.stories] == [story.truth for story in year.stories]
    for story in deliveries.year.stories:
        times = [step.at for step in story.steps]
        assert times == sorted(times)
        notes = " ".join(str(step.detail.get("content")) for step in story.steps)
        for word in deliveries.named.get(story.truth.incident.id, ()):
            assert word in notes
