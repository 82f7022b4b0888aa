"""Deployments and issues tied to the year's incidents: what broke them, what mended them, what is to follow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from em_agent.demo.company import PEOPLE
from em_agent.demo.delivery.releases import OWNER, PIPELINES, Release
from em_agent.demo.delivery.routine import Line, run_line
from em_agent.demo.ids import draw_event_id, draw_note_id
from em_agent.demo.stories import MILLISECOND, Step, Story
from em_agent.demo.year import Year

_RECENT = timedelta(days=1)
_BLAMING = (
    "Started right after {} went out.", "Timing fits {} exactly.", "Error rate went up when {} was rolled out.",
    "I think {} did it, its diff touches this path.",
)  # fmt: skip
_JIRA_PROJECT = "SHOP"
# Shares of incidents.
_NAMES_ID, _NAMES_SHA, _ROLLBACK, _HOTFIX, _FOLLOW_UP = 0.06, 0.04, 0.04, 0.02, 0.03
# Shares of what is told of those.
_OF_ANOTHER, _SILENT, _STATED, _AT_GITHUB, _CLOSED = 0.2, 0.3, 0.7, 0.7, 0.8


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An issue that came of an incident: at GitHub, or in Jira where it has no repository."""

    number: int
    repository: str | None
    title: str
    incident: str
    opened_at: datetime
    closed_at: datetime | None

    @property
    def key(self) -> str:
        """How people name it."""
        return f"{self.repository}#{self.number}" if self.repository else f"{_JIRA_PROJECT}-{self.number}"

    @property
    def url(self) -> str:
        """Its page."""
        if self.repository:
            return f"https://github.com/{self.repository}/issues/{self.number}"
        return f"https://{OWNER}.atlassian.net/browse/{self.key}"


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The year with what people noted about deployments, and what its pipelines and trackers did."""

    year: Year
    lines: Mapping[str, Line]
    issues: tuple[FollowUp, ...]
    named: Mapping[str, tuple[str, ...]]  # by incident: ids and shas of deployments in its notes

    @property
    def releases(self) -> list[Release]:
        """Every deployment."""
        return [release for line in self.lines.values() for release in line.releases]


@dataclass
class _Notes:
    """What is to be written into an incident."""

    texts: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def make_deliveries(year: Year, *, seed: int = 1) -> Deliveries:
    """What was built and deployed in the year: always the same for the same year and seed."""
    rng = Random(f"trouble/{seed}")  # noqa: S311 - a tale, not a secret
    lines = {name: run_line(pipeline, year.start, year.end, seed=seed) for name, pipeline in PIPELINES.items()}
    notes: dict[str, _Notes] = {}
    issues: list[FollowUp] = []
    for story in year.stories:
        told = _Notes()
        chance = rng.random()
        if chance < _NAMES_ID + _NAMES_SHA:
            _blame(rng, lines, story, told, by_sha=chance >= _NAMES_ID)
        # Whatever the notes say, somebody may roll back.
        _mend(rng, lines, story, year.end)
        if rng.random() < _FOLLOW_UP and story.truth.resolved_at:
            issues.append(_follow_up(rng, story, len(issues), year.end))
            told.texts.append(f"Follow-up: {rng.choice((issues[-1].key, issues[-1].url))}")
        if told.texts:
            notes[story.incident.thing.id] = told
    stories = tuple(_written(story, notes.get(story.incident.thing.id), year.end) for story in year.stories)
    named = {incident: tuple(told.words) for incident, told in notes.items() if told.words}
    return Deliveries(replace(year, stories=stories), lines, tuple(issues), named)


def _blame(rng: Random, lines: Mapping[str, Line], story: Story, told: _Notes, *, by_sha: bool) -> None:
    """Somebody names the deployment that went out last: of this service, or of any."""
    at = story.truth.triggered_at
    own = lines.get(story.truth.service.name)
    found = own.newest_before(at) if own else None
    if found is None or at - found.done_at > _RECENT or rng.random() < _OF_ANOTHER:
        found = rng.choice(list(lines.values())).newest_before(at)
    if found is None or at - found.done_at > _RECENT:
        return
    word = found.sha[: rng.randint(7, 12)] if by_sha else found.id
    if word.isdecimal() and by_sha:  # such a word could be any number
        return
    told.texts.append(rng.choice(_BLAMING).format(word))
    told.words.append(word)


def _mend(rng: Random, lines: Mapping[str, Line], story: Story, end: datetime) -> None:
    """A rollback or hotfix names the incident, by posts alone: GitHub's deployments name none here."""
    line = lines.get(story.truth.service.name)
    chance = rng.random()
    at = (story.truth.triggered_at + timedelta(minutes=rng.randint(6, 50))).replace(microsecond=0)
    if line is None or line.pipeline.is_github or chance > _ROLLBACK + _HOTFIX or at + timedelta(hours=1) > end:
        return
    broken = line.newest_before(story.truth.triggered_at)
    sha = line.sha_at(at)
    if broken is None or sha is None:
        return
    incident = rng.choice((story.incident.thing.id, story.incident.number))
    if chance > _ROLLBACK:
        line.release(at, sha, kind="hotfix", incident=incident)
        return
    before = line.newest_before(broken.done_at)
    is_silent = rng.random() < _SILENT  # it was noticed before anybody linked it to the incident
    line.release(
        at,
        before.sha if before else broken.sha,
        kind="rollback",
        rollback_of=broken.id if is_silent or rng.random() < _STATED else None,
        incident=None if is_silent else incident,
    )


def _follow_up(rng: Random, story: Story, place: int, end: datetime) -> FollowUp:
    opened_at = (story.truth.resolved_at or story.truth.triggered_at) + timedelta(minutes=30)
    closed_at = opened_at + timedelta(days=rng.expovariate(1 / 12))
    pipeline = PIPELINES.get(story.truth.service.name)
    return FollowUp(
        number=100 + place,
        repository=pipeline.repository if pipeline and rng.random() < _AT_GITHUB else None,
        title=f"Keep it from happening again: {story.incident.thing.name}"[:200],
        incident=story.incident.thing.id,
        opened_at=opened_at.replace(microsecond=0),
        closed_at=closed_at.replace(microsecond=0) if closed_at < end and rng.random() < _CLOSED else None,
    )


def _written(story: Story, told: _Notes | None, end: datetime) -> Story:
    """The story with the notes in it, each some minutes after the trigger or the turn before it."""
    if told is None:
        return story
    steps = list(story.steps)
    rng = Random(f"notes/{story.incident.thing.id}")  # noqa: S311
    for number, text in enumerate(told.texts):
        at = steps[0].at + timedelta(minutes=3 + 4 * number) + 7 * MILLISECOND
        taken = {step.at for step in steps}
        while at in taken:
            at += MILLISECOND
        if at >= end:
            continue
        place = max(n for n, step in enumerate(steps) if step.at < at)
        detail = {"id": draw_note_id(rng), "content": text}
        author = next((a for a in steps[place].state.assignees if a.kind == "user"), next(iter(PEOPLE.values())))
        steps.insert(
            place + 1, Step(draw_event_id(rng, at), at, "incident.annotated", author, steps[place].state, detail)
        )
    return replace(story, steps=tuple(steps))
