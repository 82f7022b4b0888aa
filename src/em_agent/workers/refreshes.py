"""What takes in new events: the statements that dbt compiled of its models, and which of them a run needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from em_agent.kit.postgres import Connection

# Who sees a new version here sees the rows that made it, so it is written by every run, after all other models.
LAST = "freshness"

# A vendor's sources, such as pagerduty and pagerduty_api, are read by the staging models in the folder of its name. An
# event stays in the outbox until a run that began after it has ended well, so that none is missed.
_VENDORS = "SELECT DISTINCT split_part(source, '_', 1) FROM outbox"
_KEPT = """
SELECT model, vendor, upstreams, statement, to_regclass(format('warehouse.%I', model)) IS NOT NULL AS is_there
FROM warehouse.refreshes
WHERE project = $1
ORDER BY model
"""


@dataclass(frozen=True, slots=True)
class Refresh:
    """How a model takes in what its upstreams have; a view has no statement, and needs none."""

    model: str
    vendor: str | None
    upstreams: Sequence[str]
    statement: str | None
    is_there: bool


async def kept_refreshes(connection: Connection, project: str) -> list[Refresh]:
    """Those of this version of the project, each after its upstreams; none where it was not built yet."""
    kept = {row["model"]: Refresh(**row) for row in await connection.fetch(_KEPT, project)}
    order = TopologicalSorter({refresh.model: refresh.upstreams for refresh in kept.values()}).static_order()
    return [kept[model] for model in order if model in kept]


async def new_vendors(connection: Connection) -> set[str]:
    """The vendors of the events that the outbox holds."""
    return {row[0] for row in await connection.fetch(_VENDORS)}


def concerned(refreshes: Sequence[Refresh], vendors: Collection[str]) -> list[Refresh]:
    """The refreshes of what is made of the vendors' events, in their order, and the last one."""
    reached: set[str] = set()
    for refresh in refreshes:
        if refresh.vendor in vendors or refresh.model == LAST or not reached.isdisjoint(refresh.upstreams):
            reached.add(refresh.model)
    return [refresh for refresh in refreshes if refresh.model in reached]
