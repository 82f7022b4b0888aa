"""What the DORA API answers. What is unknown is null, never 0."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from em_agent.metrics.models import Duration

Method = Literal["manual", "explicit", "rollback", "window"]
METHODS: tuple[Method, ...] = ("manual", "explicit", "rollback", "window")

_BAND = "elite, high, medium or low; null where the figure is null, or the edition has no bands."
_SCORE = "0 to 10; only in editions that have scores."


class DeploymentFrequency(BaseModel):
    """How often is deployed; null where nothing was."""

    deployments: int = Field(default=0, description="Deployments that finished with success in the window.")
    per_day: float | None = Field(default=None, description="Deployments for each day of the window.")
    median_deploy_days_per_week: float | None = Field(
        default=None, description="Median over ISO weeks of the days with a deployment; weeks without any count as 0."
    )
    band: str | None = Field(default=None, description=_BAND)
    score: float | None = Field(default=None, description=_SCORE)


class BandedDuration(Duration):
    """Seconds, and the band of their median."""

    band: str | None = Field(default=None, description=_BAND)
    score: float | None = Field(default=None, description=_SCORE)


class FailedByMethod(BaseModel):
    """Failed deployments by the most trusted way in which each is known to have failed."""

    manual: int = Field(default=0, description="Somebody said that it caused an incident.")
    explicit: int = Field(default=0, description="An incident names its id or sha.")
    rollback: int = Field(default=0, description="It was rolled back, or what mended an incident blames it.")
    window: int = Field(default=0, description="An incident of its service began soon after it.")


class ChangeFailureRate(BaseModel):
    """Which share of deployments failed."""

    failed: int = Field(default=0, description="Deployments that an incident is linked to or a rollback names.")
    deployments: int = 0
    ratio: float | None = None
    by_method: FailedByMethod = Field(default_factory=FailedByMethod)
    band: str | None = Field(default=None, description=_BAND)
    score: float | None = Field(default=None, description=_SCORE)


class DeploymentReworkRate(BaseModel):
    """Which share of deployments was there to mend another."""

    rework: int = Field(default=0, description="Deployments whose kind is rollback or hotfix.")
    deployments: int = 0
    ratio: float | None = None
    score: float | None = Field(default=None, description=_SCORE)


class DeploymentLink(BaseModel):
    """An incident and the deployment that it is linked to."""

    incident: str
    deployment: str
    method: Method
    confidence: float


class DoraGroup(BaseModel):
    """The deployments of one key, or all of the window where nothing groups them."""

    key: dict[str, str | None]
    deployment_frequency: DeploymentFrequency = Field(default_factory=DeploymentFrequency)
    lead_time_for_changes_seconds: BandedDuration = Field(
        default_factory=BandedDuration, description="Of each commit: from its time to its deployment's finish."
    )
    change_failure_rate: ChangeFailureRate = Field(default_factory=ChangeFailureRate)
    failed_deployment_recovery_time_seconds: BandedDuration = Field(
        default_factory=BandedDuration, description="Of each failed deployment that recovered: from its finish on."
    )
    deployment_rework_rate: DeploymentReworkRate = Field(default_factory=DeploymentReworkRate)
    score: float | None = Field(default=None, description="The mean of the five scores; null where one is missing.")
    links: list[DeploymentLink] = Field(default=[], description="The incidents linked to the group's deployments.")


class PublishedMeans(BaseModel):
    """What was published of others to compare with: scores of 0 to 10, and shares."""

    name: str
    lead_time_for_changes_score: float
    deployment_frequency_score: float
    failed_deployment_recovery_time_score: float
    change_failure_rate: float
    deployment_rework_rate: float


class DoraWindow(BaseModel):
    """The groups of one window [since, until)."""

    since: datetime
    until: datetime
    groups: list[DoraGroup]


class DoraMetrics(BaseModel):
    """The DORA metrics of a window, with what they rest on."""

    since: datetime
    until: datetime
    timezone: str
    edition: str = Field(description="The year whose bands or scores these are.")
    as_of: datetime | None = Field(description="Receipt of the newest event that is included; null without events.")
    groups: list[DoraGroup]
    previous: DoraWindow | None = Field(
        default=None, description="The window of the same length before; only with compare=previous."
    )
    published_means: PublishedMeans | None = Field(default=None, description="Only in editions that have scores.")
