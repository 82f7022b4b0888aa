"""Commits, pushes and deployments as they were, and who deploys how."""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal

from em_agent.demo.company import SERVICES, Service

OWNER = "em-agent-demo"
PRODUCTION, STAGING = "production", "staging"
# How long a deployment is suspected: the demo's company deploys so often that a day would blame each for something.
CHANGE_WINDOW_HOURS = 2

Status = Literal["success", "failure", "in_progress"]
Kind = Literal["planned", "rollback", "hotfix"]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How a service is deployed: by GitHub's deployments, or by posts of a CI system, so often a week."""

    service: Service
    is_github: bool
    per_week: float
    names_id: bool = False  # its posts name PagerDuty's id of the service

    @property
    def repository(self) -> str:
        """Owner and name of its repository."""
        return f"{OWNER}/{self.service.slug}"

    @property
    def posted_name(self) -> str:
        """What its posts call the service."""
        return self.service.thing.id if self.names_id else self.service.name


# The status page is somebody else's product: nobody deploys it.
_PIPELINES = (
    ("Checkout API", False, 5.0),
    ("Payment Gateway", False, 2.0),
    ("Storefront Web", True, 7.0),
    ("Product Catalogue", True, 3.0),
    ("Product Search", True, 2.0),
    ("Order Fulfilment", False, 3.0),
    ("Warehouse Integration", False, 1.0),
    ("Production Database", False, 0.4),
    ("Kubernetes Platform", False, 1.0),
    ("Message Queue", False, 0.5),
    ("Identity and Login", True, 1.5),
    ("Data Pipeline", False, 4.0),
    ("Mobile Push", True, 1.0),
)
PIPELINES = {
    name: Pipeline(SERVICES[name], is_github, per_week, names_id=name == "Data Pipeline")
    for name, is_github, per_week in _PIPELINES
}


def configuration() -> str:
    """The demo's configuration file, which says which service each of GitHub's repositories deploys."""
    lines = ["# The demo's: which service each repository at GitHub deploys.", "dora:"]
    lines += [f"  change_window_hours: {CHANGE_WINDOW_HOURS}", "services:"]
    for name, pipeline in PIPELINES.items():
        if pipeline.is_github:
            lines += [f"  - name: {name}", f"    pagerduty: [{name}]", f"    repositories: [{pipeline.repository}]"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit on the default branch; its author's clock may be wrong."""

    sha: str
    at: datetime
    title: str
    author: str


@dataclass(frozen=True, slots=True)
class Push:
    """Commits that came to a repository's default branch together."""

    repository: str
    before: str
    at: datetime
    commits: tuple[Commit, ...]

    @property
    def after(self) -> str:
        """The new tip."""
        return self.commits[-1].sha


@dataclass(frozen=True, slots=True)
class Release:
    """A deployment as it ended, or did not; `incident` is what it says that it mends."""

    id: str
    pipeline: Pipeline
    environment: str
    sha: str
    started_at: datetime
    finished_at: datetime | None
    status: Status
    kind: Kind = "planned"
    rollback_of: str | None = None
    incident: str | int | None = None

    @property
    def is_production(self) -> bool:
        """Whether it counts: it reached production."""
        return self.environment == PRODUCTION and self.status == "success"

    @property
    def done_at(self) -> datetime:
        """When it finished, which one that counts did."""
        if self.finished_at is None:
            message = f"{self.id} has not finished"
            raise ValueError(message)
        return self.finished_at


def draw_sha(rng: Random) -> str:
    """A commit's hash."""
    return f"{rng.getrandbits(160):040x}"
