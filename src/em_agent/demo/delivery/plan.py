"""Which deliveries tell of a year's pushes, deployments and issues."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from em_agent.demo.delivery import bodies
from em_agent.demo.delivery.releases import Release
from em_agent.demo.delivery.trouble import Deliveries, FollowUp
from em_agent.demo.payloads import encode
from em_agent.demo.plan import SignedDelivery
from em_agent.demo.signing import sign

GITHUB, JIRA, DEPLOYMENT = "github", "jira", "deployment"


@dataclass(frozen=True, slots=True)
class Proofs:
    """The secrets of GitHub's and Jira's webhooks, and an API key for posts where keys are asked for."""

    github: str
    jira: str
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    at: datetime
    source: str
    event: str
    lane: str
    body: bodies.Json


class DeliveryPlan:
    """The deliveries in the order of their time; always the same for the same year."""

    def __init__(self, deliveries: Deliveries, proofs: Proofs, *, seed: int = 1) -> None:
        """Decide about each."""
        self._proofs = proofs
        rng = Random(f"deliveries/{seed}")  # noqa: S311 - a tale, not a secret
        due = [
            _Due(pushed.at, GITHUB, "push", pushed.repository, bodies.push(pushed))
            for line in deliveries.lines.values()
            for pushed in line.pushes
        ]
        due += [each for release in deliveries.releases for each in _of_release(release, rng, deliveries.year.end)]
        due += [each for issue in deliveries.issues for each in _of_issue(issue)]
        self._due = sorted(due, key=lambda each: (each.at, each.lane, each.event))

    def __len__(self) -> int:
        """How many deliveries there are."""
        return len(self._due)

    def deliveries(self) -> Iterator[SignedDelivery]:
        """Every delivery in the order of sending."""
        for each in self._due:
            body = encode(each.body)
            headers = {"Content-Type": "application/json", **self._headers(each, body)}
            yield SignedDelivery(body, headers, each.lane, 200, "ok", source=each.source)

    def _headers(self, each: _Due, body: bytes) -> dict[str, str]:
        delivery = str(UUID(bytes=hashlib.sha256(body).digest()[:16], version=4))
        if each.source == GITHUB:
            return {
                "User-Agent": "GitHub-Hookshot/demo",
                "X-GitHub-Event": each.event,
                "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": f"sha256={sign(body, self._proofs.github)}",
            }
        if each.source == JIRA:
            return {
                "X-Atlassian-Webhook-Identifier": delivery,
                "X-Hub-Signature": f"sha256={sign(body, self._proofs.jira)}",
            }
        return {"Authorization": f"Bearer {self._proofs.api_key}"} if self._proofs.api_key else {}


def _of_release(release: Release, rng: Random, end: datetime) -> Iterator[_Due]:
    started, finished, lane = release.started_at, release.finished_at, release.pipeline.repository
    if not release.pipeline.is_github:
        if finished is None or rng.random() < 0.2:
            yield _Due(started, DEPLOYMENT, "in_progress", lane, bodies.post(release, is_over=False))
        if finished is not None:
            yield _Due(finished, DEPLOYMENT, release.status, lane, bodies.post(release))
        return

    def status(state: str, at: datetime) -> _Due:
        return _Due(at, GITHUB, "deployment_status", lane, bodies.deployment_status(release, state, at))

    if finished is None or rng.random() < 0.25:
        yield status("in_progress", started)
    if finished is not None:
        yield status(release.status, finished)
        # The next one takes its place: it stays a success.
        later = finished + timedelta(hours=rng.randint(1, 60))
        if release.status == "success" and rng.random() < 0.2 and later < end:
            yield status("inactive", later)


def _of_issue(issue: FollowUp) -> Iterator[_Due]:
    source, event, lane = (GITHUB, "issues", issue.repository) if issue.repository else (JIRA, "", issue.key)
    body = bodies.github_issue if issue.repository else bodies.jira_issue
    yield _Due(issue.opened_at, source, event, lane, body(issue, is_closed=False))
    if issue.closed_at is not None:
        yield _Due(issue.closed_at, source, event, lane, body(issue, is_closed=True))
