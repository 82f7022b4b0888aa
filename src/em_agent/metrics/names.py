"""The names of services, teams and priorities that there are, for people to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from em_agent.kit.postgres import Pool, reachable

_MOST = 1000
_NAMES = """
SELECT kind, name, CASE WHEN count(*) = 1 THEN min(id) END AS id FROM (
    SELECT 'services' AS kind, service_name AS name, service_id AS id FROM warehouse.dim_services
    UNION ALL SELECT 'teams', team_name, team_id FROM warehouse.dim_teams
    UNION ALL SELECT 'priorities', priority_name, priority_id FROM warehouse.dim_priorities
) AS named
WHERE name <> ''
GROUP BY kind, name
ORDER BY kind, name COLLATE "C"
"""
_SERVICE = """
SELECT service_id AS id, service_name AS name FROM warehouse.dim_services
WHERE service_id = $1 OR service_name = $1
ORDER BY service_id <> $1, service_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Names:
    """Names in their order, up to a thousand of each kind."""

    services: tuple[str, ...] = ()
    service_ids: Mapping[str, str] = field(default_factory=dict)
    """The id of each service whose name is no other's."""
    teams: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()


async def read_names(pool: Pool) -> Names:
    """The names there are; none before the marts are built.

    Raises:
        RetriableError: the database does not answer.

    """
    try:
        async with reachable():
            rows = await pool.fetch(_NAMES)
    except asyncpg.UndefinedTableError:
        return Names()
    kinds: dict[str, list[str]] = {"services": [], "teams": [], "priorities": []}
    for row in rows:
        kinds[row["kind"]].append(row["name"])
    ids = {row["name"]: row["id"] for row in rows if row["kind"] == "services" and row["id"]}
    return Names(**{kind: tuple(names[:_MOST]) for kind, names in kinds.items()}, service_ids=ids)


async def find_service(pool: Pool, id_or_name: str) -> tuple[str, str] | None:
    """Id and name of the service, or None where no mart knows it.

    Raises:
        RetriableError: the database does not answer.

    """
    try:
        async with reachable():
            row = await pool.fetchrow(_SERVICE, id_or_name)
    except asyncpg.UndefinedTableError:
        return None
    return (row["id"], row["name"] or row["id"]) if row else None
