"""Which deployment an incident is linked to, and what people say of that."""

from dataclasses import dataclass
from typing import Any

import asyncpg

from em_agent.errors import InvalidError, NotFoundError
from em_agent.kit.postgres import Connection, Pool

# What was said by hand counts at once, and whatever the environment. The link of production goes before others.
_FIND = """
SELECT deployment_id, method, confidence, url, is_caused_by_change
FROM (
    SELECT d.deployment_id, 'manual' AS method, 1.0::double precision AS confidence, d.url, h.is_caused_by_change,
        true AS is_by_hand, false AS is_production
    FROM incident_deployments_by_hand AS h
    LEFT JOIN warehouse.fct_deployments AS d ON d.deployment_key = h.deployment_key
    WHERE h.incident_id = $1
    UNION ALL
    SELECT d.deployment_id, l.method, l.confidence, d.url, NULL, false, l.environment_key = 'production'
    FROM warehouse.fct_incident_deployments AS l
    JOIN warehouse.fct_deployments AS d ON d.deployment_key = l.deployment_key
    WHERE l.incident_id = $1 AND l.method <> 'manual'
) AS known
ORDER BY is_by_hand DESC, is_production DESC, confidence DESC, deployment_id
LIMIT 1
"""

_FIND_INCIDENT = (
    "SELECT id FROM incidents WHERE id = $1 OR number = $2 ORDER BY id = $1 DESC, last_event_at DESC LIMIT 1"
)
_FIND_KEYS = """
SELECT deployment_key FROM warehouse.fct_deployments WHERE deployment_key = $1
UNION
SELECT deployment_key FROM warehouse.fct_deployments WHERE deployment_id = $1
ORDER BY deployment_key
"""
_SAY = """
INSERT INTO incident_deployments_by_hand (incident_id, deployment_key, is_caused_by_change)
VALUES ($1, $2, $3)
ON CONFLICT (incident_id) DO UPDATE
SET deployment_key = excluded.deployment_key, is_caused_by_change = excluded.is_caused_by_change,
    decided_at = clock_timestamp()
"""
_SAID = "SELECT is_caused_by_change FROM incident_deployments_by_hand WHERE incident_id = $1"
_TAKE_BACK = "DELETE FROM incident_deployments_by_hand WHERE incident_id = $1"

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class DeploymentLink:
    """The deployment that an incident is linked to, how that is known, and what was said by hand.

    `is_caused_by_change` is None where nobody said anything. Settled as linked to none, the rest is None too.
    """

    deployment_id: str | None = None
    method: str | None = None
    confidence: float | None = None
    url: str | None = None
    is_caused_by_change: bool | None = None


async def find_link(connection: Connection, incident_id: str) -> DeploymentLink:
    """How the incident is linked now."""
    try:
        async with connection.transaction():  # of its own, which alone is lost where there is no such table
            row = await connection.fetchrow(_FIND, incident_id)
    except asyncpg.UndefinedTableError:  # before the marts are built
        return DeploymentLink(is_caused_by_change=await connection.fetchval(_SAID, incident_id))
    if row is None:
        return DeploymentLink()
    if row["deployment_id"] is None:
        return DeploymentLink(is_caused_by_change=row["is_caused_by_change"])
    return DeploymentLink(**dict(row))


async def say_link(
    pool: Pool, incident: str, number: int | None, *, deployment: str | None, is_caused_by_change: bool
) -> tuple[str, DeploymentLink]:
    """The incident's id and its link, after what was said of it; that stands above every rule.

    Not caused by a change, it is linked to none. Caused by one that is not named, what was said before is taken back.

    Raises:
        NotFoundError: there is no such incident or deployment.
        InvalidError: several sources have a deployment of that id.

    """
    async with pool.acquire() as connection, connection.transaction():
        incident_id = await connection.fetchval(_FIND_INCIDENT, incident, number)
        if incident_id is None:
            message = f"There is no incident {incident[:100]!r}."
            raise NotFoundError(message)
        if not is_caused_by_change:
            await connection.execute(_SAY, incident_id, None, False)  # noqa: FBT003 - a column
        elif deployment is None:
            await connection.execute(_TAKE_BACK, incident_id)
        else:
            await connection.execute(_SAY, incident_id, await _find_key(connection, deployment), True)  # noqa: FBT003
        return incident_id, await find_link(connection, incident_id)


async def _find_key(connection: Any, deployment: str) -> str:  # noqa: ANN401 - one of the pool
    try:
        async with connection.transaction():
            keys = [row["deployment_key"] for row in await connection.fetch(_FIND_KEYS, deployment)]
    except asyncpg.UndefinedTableError:  # before the marts are built
        keys = []
    if not keys:
        message = f"There is no deployment {deployment[:100]!r}."
        raise NotFoundError(message)
    if deployment in keys:
        return deployment
    if len(keys) > 1:
        message = f"Several deployments have that id: name one of {', '.join(keys[:_MOST_NAMED])}."
        raise InvalidError(message)
    return str(keys[0])
