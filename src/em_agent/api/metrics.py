"""`GET /v1/metrics/incidents` and `GET /v1/metrics/completeness`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from em_agent.api.answers import described, groups_answer, to_json
from em_agent.api.errors import problems
from em_agent.api.parameters import given
from em_agent.metrics.incidents import IncidentMeter
from em_agent.metrics.models import Completeness, Group, IncidentMetrics
from em_agent.metrics.parameters import (
    ATTRIBUTIONS,
    BOOLEANS,
    CLOCKS,
    COMPARISONS,
    FORMATS,
    URGENCIES,
    read_query,
)
from em_agent.metrics.query import GROUPINGS
from em_agent.metrics.query import Query as IncidentQuery
from em_agent.metrics.table import columns, rows, to_csv

PATH = "/v1/metrics/incidents"
COMPLETENESS_PATH = "/v1/metrics/completeness"


def text(description: str, choices: Sequence[str] = ()) -> Any:  # noqa: ANN401 - what FastAPI calls a Query
    """A parameter that is read as a text, for its OpenAPI."""
    return Query(description=description, json_schema_extra={"enum": [*choices]} if choices else None)


Text = str | None
Texts = list[str]


Since = Annotated[Text, text("Begin of the window, an ISO 8601 time or date; default: 30 days before `until`.")]
Until = Annotated[Text, text("End of the window, which is not part of it; default: now.")]
Service = Annotated[Texts, text("Only incidents of any of these services, by id or name.")]
Team = Annotated[Texts, text("Only incidents of any of these teams, by id or name.")]
Urgency = Annotated[Texts, Query(description=f"Only incidents of this urgency: {' or '.join(URGENCIES)}.")]
Priority = Annotated[Texts, text("Only incidents of any of these priorities, by id or name.")]
GroupBy = Annotated[Texts, Query(description=f"Any of {', '.join(GROUPINGS)}: several with commas, or repeated.")]
ExcludeMerged = Annotated[Text, text("Leave out incidents that a merge closed.", BOOLEANS)]
Timezone = Annotated[Text, text("IANA name, for days, weeks, months and dates; default: the setting.")]


_WITHIN = "Count those {} within so many seconds, or minutes, hours, days: 15m, 4h, 2d."


def _declared(  # noqa: PLR0913 - the parameters of the route, for its OpenAPI; their texts are read as one mapping
    since: Since = None,
    until: Until = None,
    service: Service = [],  # noqa: B006
    team: Team = [],  # noqa: B006
    urgency: Urgency = [],  # noqa: B006
    priority: Priority = [],  # noqa: B006
    group_by: GroupBy = [],  # noqa: B006
    clock: Annotated[Text, text("The sender's clock, or that of the webhooks' receipt.", CLOCKS)] = None,
    attribute_by: Annotated[Text, text("What places an incident in the window.", ATTRIBUTIONS)] = None,
    exclude_merged: ExcludeMerged = None,
    timezone: Timezone = None,
    compare: Annotated[Text, text("Add the window of the same length before.", COMPARISONS)] = None,
    acknowledge_within: Annotated[Text, text(_WITHIN.format("acknowledged"))] = None,
    resolve_within: Annotated[Text, text(_WITHIN.format("resolved"))] = None,
    format: Annotated[Text, text("CSV has one row for each group.", FORMATS)] = None,  # noqa: A002
) -> frozenset[str]:
    """The names of the route's parameters."""
    return frozenset(locals())


def _declared_filters(  # noqa: PLR0913 - as above
    since: Since = None,
    until: Until = None,
    service: Service = [],  # noqa: B006
    team: Team = [],  # noqa: B006
    urgency: Urgency = [],  # noqa: B006
    priority: Priority = [],  # noqa: B006
    exclude_merged: ExcludeMerged = None,
    timezone: Timezone = None,
) -> frozenset[str]:
    """The names of the route's parameters."""
    return frozenset(locals())


NAMES = _declared()
FILTER_NAMES = _declared_filters()


def router(meter: IncidentMeter, *, timezone: str) -> APIRouter:
    """The route, which answers out of the meter, by default in `timezone`."""
    routes = APIRouter(tags=["metrics"])

    @routes.get(
        PATH,
        summary="Incident metrics of a window",
        response_model=IncidentMetrics,
        responses={**described("The groups of the window."), **problems(401, 403, 422, 503)},
    )
    async def incident_metrics(
        request: Request,
        # The texts themselves are read below, so that every error is one sentence.
        _: Annotated[frozenset[str], Depends(_declared)],
    ) -> Response:
        """Counts and durations of the incidents in a window, by service, team, urgency, priority, policy or time."""
        asked = given(request, NAMES)
        query = read_query(asked, now=datetime.now(UTC), timezone=timezone)
        return await groups_answer(asked, partial(meter.measure, query), partial(_written, query))

    @routes.get(
        COMPLETENESS_PATH,
        summary="Who told of a window's incidents",
        responses=problems(401, 403, 422, 503),
    )
    async def completeness(request: Request, _: Annotated[frozenset[str], Depends(_declared_filters)]) -> Completeness:
        """How many of the incidents triggered in a window are known from webhooks, from the REST API, from both."""
        asked = given(request, FILTER_NAMES)
        return await meter.completeness(read_query(asked, now=datetime.now(UTC), timezone=timezone))

    return routes


def _written(query: IncidentQuery, metrics: IncidentMetrics, *, is_csv: bool, is_compared: bool) -> str:
    """The answer's body."""
    without = frozenset(name for name, seconds in query.targets.items() if seconds is None)
    if is_csv:
        lines = rows(metrics, metrics.previous, without=without)
        return to_csv(columns(query.group_by, Group, without), lines)
    return to_json(metrics, without=() if is_compared else {"previous"}, of_groups=without)
