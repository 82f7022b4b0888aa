"""What a service's pipeline does in a year in which nothing breaks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from em_agent.demo.company import POLICIES
from em_agent.demo.delivery.releases import (
    PIPELINES,
    PRODUCTION,
    STAGING,
    Commit,
    Kind,
    Pipeline,
    Push,
    Release,
    Status,
    draw_sha,
)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_WORKDAYS = 5
_WEEKEND_SHARE = 0.06  # of a working day's deployments
_TITLES = (
    "Retry the call to {} once", "Log why {} refuses", "Give {} a shorter timeout", "Drop the old path to {}",
    "Cache what {} answers", "Split the tests of {}", "Raise the limit of {}", "Say in the metrics how {} fares",
)  # fmt: skip
_PARTS = ("the card gateway", "the index", "the price feed", "the session store", "the mailer", "the stock service")


@dataclass
class Line:
    """One service's releases, and the history of its repository so far."""

    pipeline: Pipeline
    rng: Random
    pushes: list[Push] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    number: int = 0
    _times: set[datetime] = field(default_factory=set)

    def sha_at(self, at: datetime) -> str | None:
        """The newest commit that had been pushed then."""
        return next((push.after for push in reversed(self.pushes) if push.at <= at), None)

    def newest_before(self, at: datetime) -> Release | None:
        """What was in production then."""
        done = [release for release in self.releases if release.is_production and release.done_at < at]
        return max(done, key=lambda release: release.done_at, default=None)

    def push(self, at: datetime) -> Push:
        """One to three commits, written in the hours and days before."""
        rng = self.rng
        before = self.pushes[-1].after if self.pushes else draw_sha(rng)
        commits = []
        for written in sorted(rng.expovariate(1 / 60_000) for _ in range(rng.randint(1, 3))):
            # Now and then a laptop's clock is hours ahead.
            at_commit = at + timedelta(hours=9) if rng.random() < 0.01 else at - timedelta(seconds=int(written) + 60)
            title = rng.choice(_TITLES).format(rng.choice(_PARTS))
            author = rng.choice(self.pipeline.service.policy.people or POLICIES["Platform"].people).name
            commits.append(Commit(draw_sha(rng), at_commit, title, author))
        push = Push(self.pipeline.repository, before, at, tuple(commits))
        self.pushes.append(push)
        return push

    def release(  # noqa: PLR0913 - options by name
        self,
        started_at: datetime,
        sha: str,
        *,
        environment: str = PRODUCTION,
        status: Status = "success",
        kind: Kind = "planned",
        rollback_of: str | None = None,
        incident: str | int | None = None,
    ) -> Release:
        """A deployment of the commit; no two of a service finish at the same second."""
        finished_at = started_at + timedelta(seconds=self.rng.randint(120, 1200))
        while finished_at in self._times:
            finished_at += _SECOND
        self._times.add(finished_at)
        self.number += 1
        release = Release(
            id=_id_of(self.pipeline, self.number),
            pipeline=self.pipeline,
            environment=environment,
            sha=sha,
            started_at=started_at,
            finished_at=None if status == "in_progress" else finished_at,
            status=status,
            kind=kind,
            rollback_of=rollback_of,
            incident=incident,
        )
        self.releases.append(release)
        return release


def run_line(pipeline: Pipeline, start: datetime, end: datetime, *, seed: int) -> Line:
    """The service's pushes and planned deployments of the time from `start` to `end`."""
    rng = Random(f"delivery/{seed}/{pipeline.service.slug}")  # noqa: S311 - a tale, not a secret
    line = Line(pipeline, rng)
    for at in _times(pipeline, rng, start, end):
        pushes = 0 if line.pushes and rng.random() < 0.05 else rng.choice((1, 1, 2))  # 0: the same once more
        for seconds in sorted(rng.sample(range(300, 1500), pushes), reverse=True):
            line.push(at - timedelta(seconds=seconds))
        # Sometimes the newest push waits for the next deployment.
        place = -2 if len(line.pushes) > 1 and rng.random() < 0.1 else -1
        sha = line.pushes[place].after
        if rng.random() < 0.2:
            line.release(at - timedelta(minutes=40), sha, environment=STAGING)
        status: Status = rng.choices(("success", "failure", "in_progress"), (93, 6, 1))[0]
        line.release(at, sha, status=status)
    return line


def _times(pipeline: Pipeline, rng: Random, start: datetime, end: datetime) -> Iterator[datetime]:
    """When it is deployed: on working days, in working hours, an hour apart at least."""
    day = start.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    while day + _DAY < end:
        chance = pipeline.per_week / _WORKDAYS * (_WEEKEND_SHARE if day.weekday() >= _WORKDAYS else 1.0)
        count = int(chance) + (rng.random() < chance - int(chance))
        for hour in sorted(rng.sample(range(8, 17, 2), min(count, 4))):
            yield day + timedelta(hours=hour, seconds=rng.randrange(3000))
        day += _DAY


def _id_of(pipeline: Pipeline, number: int) -> str:
    """What the source calls its deployment of that number: GitHub a long number, a CI system a short name."""
    place = list(PIPELINES).index(pipeline.service.name) + 1
    return f"{2_800_000_000 + place * 100_000 + number}" if pipeline.is_github else f"d-{place}{number:05}"
