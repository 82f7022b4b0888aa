"""When incidents come, and of which kinds they are."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from statistics import median

from em_agent.demo.company import PEOPLE, SERVICES, TEAMS
from em_agent.demo.year import Year, make_year

END = datetime(2026, 3, 18, 9, 30, tzinfo=UTC)


def test_the_same_arguments_make_the_same_year(year: Year) -> None:
    """Seed and end decide about everything, whatever time zone the end is written in."""
    end = END.astimezone(timezone(timedelta(hours=9)))
    assert make_year(end, seed=7, incidents=600, days=91) == year


def test_another_seed_makes_another_year(year: Year) -> None:
    """Seeds differ in more than their numbers."""
    other = make_year(END, seed=8, incidents=600, days=91)
    assert {story.incident.thing.id for story in other.stories}.isdisjoint(
        story.incident.thing.id for story in year.stories
    )


def test_a_year_has_as_many_incidents_as_asked_for() -> None:
    """The count is exact, and numbers and ids are each used once."""
    for incidents in (1, 2, 37, 250):
        stories = make_year(END, incidents=incidents, days=40).stories
        assert len(stories) == incidents
        assert len({story.incident.number for story in stories}) == incidents
        assert len({story.incident.thing.id for story in stories}) == incidents


def test_something_is_open_at_any_end() -> None:
    """Whatever the hour and however few incidents there were, the newest trouble is not over."""
    for hour in range(0, 24, 3):
        for incidents in (1, 150):
            stories = make_year(END.replace(hour=hour), seed=7, incidents=incidents, days=91).stories
            assert any(story.truth.episodes[-1].resolved_at is None for story in stories)


def test_nothing_happens_outside_the_year(year: Year) -> None:
    """Every incident begins in [start, end) and no event comes at the end or later; each story is in order."""
    for story in year.stories:
        times = [step.at for step in story.steps]
        assert year.start <= times[0]
        assert times[-1] < year.end
        assert times == sorted(times)
        assert all(at.microsecond % 1000 == 0 for at in times)


def test_a_few_recent_incidents_are_still_open(year: Year) -> None:
    """The end cuts stories short, and nearly all of those are recent."""
    unresolved = [story.truth for story in year.stories if story.truth.resolved_at is None]
    assert 3 <= len(unresolved) <= 40
    assert sum(year.end - truth.triggered_at < timedelta(days=14) for truth in unresolved) > len(unresolved) / 2


def test_working_days_are_busier_than_weekends() -> None:
    """A weekday has about twice the incidents of a day of the weekend, and the day more than the night."""
    triggered = [story.truth.triggered_at for story in make_year(END).stories]
    days = Counter(at.weekday() for at in triggered)
    assert min(days[day] for day in range(5)) > 1.4 * max(days[5], days[6])
    hours = Counter(at.hour for at in triggered)
    assert sum(hours[hour] for hour in range(8, 20)) > 2 * sum(hours[hour] for hour in (*range(7), 23))


def test_two_weeks_of_the_year_are_bad() -> None:
    """The worst two weeks stand out against the usual one."""
    weeks = sorted(Counter(story.truth.triggered_at.isocalendar()[:2] for story in make_year(END).stories).values())
    assert weeks[-2] > 1.5 * median(weeks)


def test_severe_incidents_are_answered_and_mended_sooner() -> None:
    """The priority shows in the medians."""
    truths = [story.truth for story in make_year(END).stories]

    def middle(level: str, name: str) -> float:
        values: list[float | None] = [
            getattr(truth, name) for truth in truths if truth.priority and truth.priority.name == level
        ]
        return median(value for value in values if value is not None)

    assert middle("P1", "time_to_acknowledge_seconds") * 2 < middle("P4", "time_to_acknowledge_seconds")
    assert middle("P1", "time_to_resolve_seconds") < middle("P5", "time_to_resolve_seconds")


def test_every_turn_that_metrics_tell_apart_occurs() -> None:
    """In a year there are reopened, merged, escalated, handed over, raised, unanswered and open incidents."""
    truths = [story.truth for story in make_year(END).stories]
    for has in (
        lambda truth: truth.reopen_count > 0,
        lambda truth: truth.is_merged,
        lambda truth: truth.is_escalated,
        lambda truth: truth.is_handed_over,
        lambda truth: truth.is_priority_raised,
        lambda truth: truth.is_auto_resolved,
        lambda truth: truth.acknowledged_at is None,
        lambda truth: truth.resolved_at is None,
        lambda truth: truth.priority is None,
        lambda truth: not truth.service.teams,
        lambda truth: len(truth.service.teams) > 1,
    ):
        assert sum(map(has, truths)) >= 5


def test_causes_break_several_services_at_once(year: Year) -> None:
    """Some incidents begin within minutes of each other for one reason on different services, and some merge."""
    merged = [story for story in year.stories if story.truth.is_merged]
    by_id = {story.incident.thing.id: story for story in year.stories}
    assert merged
    for story in merged:
        target = next(step.state.merged_into for step in story.steps if step.state.merged_into)
        lead = by_id[target.id]
        assert lead.occasion.cause == story.occasion.cause
        assert lead.truth.service != story.truth.service or any("service_updated" in s.event_type for s in story.steps)
        assert lead.truth.triggered_at < story.truth.triggered_at


def test_there_was_an_outage_of_the_database_last_week(year: Year) -> None:
    """A week before the end the database failed, and the notes say why and what helped."""
    told = [
        step.detail["content"]
        for story in year.stories
        if story.truth.triggered_at == year.end - timedelta(days=7)
        for step in story.steps
        if step.event_type == "incident.annotated"
    ]
    assert any(text.startswith("Root cause: the primary's volume") for text in told)
    assert any(text.startswith("Fix: promoted the second replica") for text in told)


def test_the_company_has_its_size() -> None:
    """About a dozen services in five teams with 25 people: some services of two teams, one of none."""
    sizes = Counter(len(service.teams) for service in SERVICES.values())
    assert (len(TEAMS), len(PEOPLE), len(SERVICES)) == (5, 25, 14)
    assert sizes[0] == 1
    assert sizes[2] >= 2
