"""Examines whether deployments and incidents meet: what of one side has no service on the other."""

import asyncpg

from em_agent.doctor.report import Check, ok, warn
from em_agent.errors import RetriableError
from em_agent.kit.postgres import Connection, connect

_NAME = "services"
_MOST = 10
_ADVICE = "Name it under `services:` in em-agent.yaml; see docs/services.md."

# A service of PagerDuty's is known by each of its names, as the links of incidents are made.
_KNOWN = """
known AS (
    SELECT DISTINCT unnest(service_keys) AS service_key FROM warehouse.int_incidents__worded
    UNION SELECT lower(service_name) FROM warehouse.dim_services
    UNION SELECT lower(service) FROM service_mapping WHERE kind = 'pagerduty' AND name <> lower(service)
)
"""
_DEPLOYED = f"""
WITH {_KNOWN}
SELECT min(what COLLATE "C") AS what, count(*) AS deployments
FROM warehouse.fct_deployments AS d,
    LATERAL (
        SELECT CASE WHEN source = 'github' THEN 'repository ' || repository ELSE 'service ' || stated_service END
    ) AS stated (what)
WHERE finished_at > now() - interval '30 days'
    AND NOT EXISTS (SELECT 1 FROM known WHERE known.service_key = d.service_key)
GROUP BY lower(what) ORDER BY 2 DESC, 1
"""  # noqa: S608 - a text of ours
_BROKEN = """
SELECT coalesce(i.service_name, i.service_id) AS what, count(*) AS incidents
FROM warehouse.fct_incidents AS i
JOIN warehouse.int_incidents__worded AS w USING (incident_id)
WHERE i.triggered_at > now() - interval '90 days' AND w.service_keys <> '{}' AND NOT EXISTS (
    SELECT 1 FROM warehouse.fct_deployments AS d WHERE d.service_key = ANY (w.service_keys)
)
GROUP BY 1 ORDER BY 2 DESC, 1
"""
_PLACES = """
SELECT count(*) FILTER (WHERE position IS NULL) AS placeless, count(*) AS deployments
FROM warehouse.int_deployments__located WHERE finished_at > now() - interval '30 days'
"""


async def examine_mapping(database_url: str) -> list[Check]:
    """What has no service on the other side, what matters most first; nothing where there are no deployments."""
    try:
        connection = await connect(database_url, name="em-agent doctor", command_seconds=20.0)
    except RetriableError:
        return []  # told with the database
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT 1 FROM warehouse.fct_deployments)"):
            return [ok(_NAME, "No deployments are known yet: there is nothing to map.")]
        return await _examine(connection)
    except (TimeoutError, asyncpg.PostgresError, OSError):
        return []  # so is what the models lack
    finally:
        connection.terminate()


async def _examine(connection: Connection) -> list[Check]:
    details = [
        f"{row['what']}: {row['deployments']} deployments in 30 days match no PagerDuty service."
        for row in await connection.fetch(_DEPLOYED)
    ]
    details += [
        f"service {row['what']}: {row['incidents']} incidents in 90 days, no deployments."
        for row in await connection.fetch(_BROKEN)
    ]
    checks = [warn(_NAME, detail, _ADVICE) for detail in details[:_MOST]]
    if len(details) > _MOST:
        checks.append(warn(_NAME, f"{len(details) - _MOST} more have nothing on the other side.", _ADVICE))
    places = await connection.fetchrow(_PLACES)
    if places is not None and places["placeless"]:
        detail = (
            f"Of {places['deployments']} deployments in 30 days {places['placeless']} have no commit that was pushed."
        )
        advice = "Their lead time is unknown: send their `sha`, and GitHub's push events of their repositories."
        checks.append(warn("commits", detail, advice))
    return checks or [ok(_NAME, "Every service with deployments or incidents has a service on the other side.")]
