"""`GET /v1/deployments` and `PUT /v1/incidents/{id}/deployment`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from em_agent.api.answers import described, page_answer
from em_agent.api.backend import UseBackend
from em_agent.api.errors import problems
from em_agent.api.parameters import known_only
from em_agent.domain.times import parse_window, parse_zone
from em_agent.incidents.deployments import DeploymentLink, say_link
from em_agent.incidents.read import number_of
from em_agent.metrics.dora.deployments import DeploymentPage, DeploymentQuery, Status, find_deployments, table
from em_agent.metrics.dora.query import PRODUCTION
from em_agent.metrics.parameters import Format

router = APIRouter(prefix="/v1", tags=["deployments"], dependencies=[Depends(known_only)])


class Said(BaseModel):
    """What somebody says of an incident's deployment.

    A deployment, by its id or `<source>:<id>`, caused it; no change did (`caused_by_change` false: linked to none); or
    (null and true) what was said before is taken back.
    """

    model_config = ConfigDict(extra="forbid")

    deployment: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    caused_by_change: StrictBool = Field(default=True, description="Default true.")

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict) and not value:
            message = "it holds neither deployment nor caused_by_change"
            raise ValueError(message)
        return value


class IncidentDeployment(BaseModel):
    """The deployment that an incident is linked to, and how that is known."""

    deployment: str
    method: str
    confidence: float
    url: str | None


class LinkNow(BaseModel):
    """How an incident is linked now; `caused_by_change` is null where nobody has said anything by hand."""

    incident: str
    deployment: str | None
    method: str | None
    confidence: float | None
    url: str | None
    caused_by_change: bool | None


def shown_link(link: DeploymentLink) -> IncidentDeployment | None:
    """The link as an incident's answer has it."""
    if link.deployment_id is None or link.method is None or link.confidence is None:
        return None
    return IncidentDeployment(
        deployment=link.deployment_id, method=link.method, confidence=link.confidence, url=link.url
    )


@router.put("/incidents/{id_or_number}/deployment", responses=problems(401, 403, 404, 422, 503))
async def say_deployment(
    backend: UseBackend, id_or_number: Annotated[str, Path(description="PagerDuty's id, or the number.")], said: Said
) -> LinkNow:
    """Say by hand which deployment caused the incident, or that no change did; it stands above every rule."""
    incident_id, link = await say_link(
        backend.pool,
        id_or_number,
        number_of(id_or_number),
        deployment=said.deployment,
        is_caused_by_change=said.caused_by_change,
    )
    return LinkNow(
        incident=incident_id,
        deployment=link.deployment_id,
        method=link.method,
        confidence=link.confidence,
        url=link.url,
        caused_by_change=link.is_caused_by_change,
    )


@router.get(
    "/deployments",
    summary="Deployments, with what each is linked to",
    response_model=DeploymentPage,
    responses={**described("A page of deployments."), **problems(401, 403, 422, 503)},
)
async def list_deployments(  # noqa: PLR0913 - each is a parameter of the request
    backend: UseBackend,
    since: Annotated[str | None, Query(description="Time or date; the window begins here.")] = None,
    until: Annotated[str | None, Query(description="Time or date; the window ends before it.")] = None,
    service: Annotated[list[str], Query(description="Name, or PagerDuty's id; may repeat.")] = [],  # noqa: B006
    environment: Annotated[list[str], Query(description="May repeat; default production.")] = [],  # noqa: B006
    status: Annotated[list[Status], Query(description="May repeat; default success.")] = [],  # noqa: B006
    urgency: Annotated[list[Literal["high", "low"]], Query(description="Link only incidents of it.")] = [],  # noqa: B006
    priority: Annotated[list[str], Query(description="Link only incidents of it, by id or name.")] = [],  # noqa: B006
    timezone: Annotated[str | None, Query(description="IANA name, for dates; default the setting.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    format: Format = "json",  # noqa: A002 - the parameter's name
) -> Response:
    """Deployments, newest first; all of them where no window is given. CSV has the cursor in `X-Next-Cursor`."""
    zone = parse_zone(timezone) if timezone else backend.timezone
    begin, end = parse_window(since, until, zone)
    query = DeploymentQuery(
        since=begin,
        until=end,
        services=[name for name in service if name],
        environments=[name for name in environment if name] or [PRODUCTION],
        statuses=tuple(status) or ("success",),
        urgencies=urgency,
        priorities=[name for name in priority if name],
        limit=limit,
        cursor=cursor or None,
    )
    return page_answer(await find_deployments(backend.pool, query), table, format)
