"""`GET /v1/metrics/dora`."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from em_agent.api.answers import described, groups_answer, to_json
from em_agent.api.errors import problems
from em_agent.api.metrics import Since, Text, Texts, Timezone, text
from em_agent.api.parameters import given
from em_agent.metrics.dora.editions import editions
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.dora.models import DoraGroup, DoraMetrics
from em_agent.metrics.dora.query import GROUPINGS, DoraQuery, read_dora_query
from em_agent.metrics.parameters import COMPARISONS, FORMATS, URGENCIES
from em_agent.metrics.table import columns, rows, to_csv

PATH = "/v1/metrics/dora"

# What only editions with scores have.
_SCORES = frozenset({"score"})
_SCORES_OF_GROUP = {
    "score": True,
    **{name: _SCORES for name in DoraGroup.model_fields if name.endswith(("frequency", "rate", "_seconds"))},
}


Service = Annotated[Texts, text("Only deployments of any of these services: by name, in any case, or PagerDuty's id.")]
Environment = Annotated[Texts, text("Only deployments to any of these environments; default: production.")]
Urgency = Annotated[Texts, Query(description=f"Link only incidents of this urgency: {' or '.join(URGENCIES)}.")]
Priority = Annotated[Texts, text("Link only incidents of any of these priorities, by id or name.")]


def _declared(  # noqa: PLR0913 - the parameters of the route, for its OpenAPI; their texts are read as one mapping
    since: Since = None,
    until: Annotated[Text, text("End of the window, which is not part of it; default: now.")] = None,
    service: Service = [],  # noqa: B006
    environment: Environment = [],  # noqa: B006
    edition: Annotated[Text, text("Whose bands or scores; default: 2023.", ["2023", "2025"])] = None,
    group_by: Annotated[
        Texts, Query(description=f"Any of {', '.join(GROUPINGS)}: several with commas, or repeated.")
    ] = [],  # noqa: B006
    urgency: Urgency = [],  # noqa: B006
    priority: Priority = [],  # noqa: B006
    timezone: Timezone = None,
    compare: Annotated[Text, text("Add the window of the same length before.", COMPARISONS)] = None,
    format: Annotated[Text, text("CSV has one row for each group.", FORMATS)] = None,  # noqa: A002
) -> frozenset[str]:
    """The names of the route's parameters."""
    return frozenset(locals())


NAMES = _declared()


def router(meter: DoraMeter, *, timezone: str) -> APIRouter:
    """The route, which answers out of the meter, by default in `timezone`."""
    routes = APIRouter(tags=["metrics"])

    @routes.get(
        PATH,
        summary="DORA metrics of a window",
        response_model=DoraMetrics,
        responses={**described("The groups of the window."), **problems(401, 403, 422, 503)},
    )
    async def dora_metrics(
        request: Request,
        # The texts themselves are read below, so that every error is one sentence.
        _: Annotated[frozenset[str], Depends(_declared)],
    ) -> Response:
        """The five DORA metrics of the deployments that finished in a window, and the incidents linked to them."""
        asked = given(request, NAMES)
        query = read_dora_query(asked, now=datetime.now(UTC), timezone=timezone)
        return await groups_answer(asked, partial(meter.measure, query), partial(_written, query))

    return routes


def _written(query: DoraQuery, metrics: DoraMetrics, *, is_csv: bool, is_compared: bool) -> str:
    """The answer's body."""
    has_scores = editions()[query.edition].has_scores
    if is_csv:
        missing = frozenset() if has_scores else _SCORES
        return to_csv(columns(query.group_by, DoraGroup, missing), rows(metrics, metrics.previous, without=missing))
    without = {name for name, is_there in (("previous", is_compared), ("published_means", has_scores)) if not is_there}
    return to_json(metrics, without=without, of_groups=None if has_scores else _SCORES_OF_GROUP)
