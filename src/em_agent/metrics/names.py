"""The names of services, teams and priorities that there are, for people to choose from."""

from dataclasses import dataclass

import asyncpg

from em_agent.kit.postgres import Pool, reachable

_MOST = 1000
_NAMES = """
SELECT kind, name FROM (
    SELECT 'services' AS kind, service_name AS name FROM warehouse.dim_services
    UNION SELECT 'teams', team_name FROM warehouse.dim_teams
    UNION SELECT 'priorities', priority_name FROM warehouse.dim_priorities
) AS named
WHERE name <> ''
ORDER BY kind, name COLLATE "C"
"""
_SERVICE = """
SELECT service_id AS id, service_name AS name FROM warehouse.dim_services
WHERE service_id = $1 OR service_name = $1
ORDER BY service_id <> $1, service_id LIMIT 1
"""
_IDS = "SELECT service_name, min(service_id) AS id FROM warehouse.dim_services GROUP BY 1 HAVING count(*) = 1"


@dataclass(frozen=True, slots=True)
class Names:
    """Names in their order, up to a thousand of each kind."""

    services: tuple[str, ...] = ()
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
    return Names(**{kind: tuple(names[:_MOST]) for kind, names in kinds.items()})


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


async def service_ids(pool: Pool) -> dict[str, str]:
    """The id of each service whose name is no other's.

    Raises:
        RetriableError: the database does not answer.

    """
    async with reachable():
        return {row["service_name"]: row["id"] for row in await pool.fetch(_IDS) if row["service_name"]}
