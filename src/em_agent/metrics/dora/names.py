"""The names of services that were deployed."""

import asyncpg

from em_agent.kit.postgres import Pool, reachable

_MOST = 1_000
_NAMES = """
SELECT service FROM warehouse.fct_deployments WHERE service <> '' GROUP BY service
ORDER BY max(finished_at) DESC NULLS LAST, service LIMIT $1
"""


async def deployed_services(pool: Pool) -> list[str]:
    """The names, those deployed last first; none before the marts are built.

    Raises:
        RetriableError: the database does not answer.

    """
    try:
        async with reachable():
            return [row["service"] for row in await pool.fetch(_NAMES, _MOST)]
    except asyncpg.UndefinedTableError:
        return []
