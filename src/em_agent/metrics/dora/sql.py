"""The statements that answer a query, with their arguments. Nothing that a caller sends becomes part of the text."""

from collections.abc import Sequence

from em_agent.metrics.buckets import Buckets
from em_agent.metrics.dora.models import METHODS
from em_agent.metrics.dora.query import DoraQuery
from em_agent.metrics.sql import Statement, by_reference, by_urgency, duration_columns

_NO_BUCKET = "1"
_ROLLBACK_RANK = METHODS.index("rollback") + 1
# Methods from the most to the least trusted, as numbers from 1.
_RANK = f"array_position(ARRAY[{', '.join(f'{method!r}' for method in METHODS)}]::text[], l.method)"

# A deployment failed where an incident is linked to it or a rollback names it, and has recovered when the last of its
# incidents was resolved (NULL while one is open), or, where it has none, when the first rollback finished.
_JUDGED = f"""
failures AS (
    SELECT links.deployment_key, min(links.rank) AS rank,
        CASE WHEN count(*) = count(links.resolved_at) THEN max(links.resolved_at) END AS recovered_at
    FROM links GROUP BY links.deployment_key
),
judged AS (
    SELECT d.*,
        least(failures.rank, CASE WHEN rollbacks.deployment_key IS NOT NULL THEN {_ROLLBACK_RANK} END) AS failed_rank,
        extract(epoch FROM
            CASE WHEN failures.deployment_key IS NOT NULL THEN failures.recovered_at ELSE rollbacks.finished_at END
            - d.finished_at
        )::double precision AS span
    FROM deployed AS d
    LEFT JOIN failures ON failures.deployment_key = d.deployment_key
    LEFT JOIN rollbacks ON rollbacks.deployment_key = d.deployment_key
)
"""


def build_deployments(query: DoraQuery, buckets: Buckets | None) -> Statement:
    """One row for each service (where asked) and bucket, with counts and the recovery's duration."""
    statement = Statement()
    by_method = ", ".join(
        f"count(*) FILTER (WHERE failed_rank = {rank}) AS failed_{method}" for rank, method in enumerate(METHODS, 1)
    )
    keys = _keys(query)
    statement.text = f"""
WITH deployed AS MATERIALIZED ({_deployed(statement, query, buckets)}),
links AS MATERIALIZED ({_links(statement, query)}),
rollbacks AS ({rollbacks(statement, query.environments)}),
{_JUDGED},
measured AS (SELECT *, CASE WHEN span >= 0 THEN span END AS recovery FROM judged)
SELECT {keys}, count(*) AS deployments, count(failed_rank) AS failed, {by_method},
    count(*) FILTER (WHERE kind IN ('rollback', 'hotfix')) AS rework, {duration_columns("recovery")}
FROM measured GROUP BY {keys}
"""
    return statement


def build_commits(query: DoraQuery, buckets: Buckets | None) -> Statement:
    """One row for each service (where asked) and bucket, with the lead times of the commits that were brought."""
    statement = Statement()
    keys = _keys(query)
    label = 'c.service_key COLLATE "C" AS service_key, ' if query.labels else ""
    bucket = _bucket(statement, "c.finished_at", buckets)
    where = " AND ".join(_within(statement, query, "c"))
    statement.text = f"""
WITH brought AS (
    SELECT {label}{bucket} AS bucket, c.lead_seconds AS lead
    FROM warehouse.fct_deployed_commits AS c WHERE {where} AND c.lead_seconds >= 0
)
SELECT {keys}, {duration_columns("lead")} FROM brought GROUP BY {keys}
"""
    return statement


def build_deploy_days(query: DoraQuery, buckets: Buckets | None) -> Statement:
    """One row for each service (where asked) and bucket, with the days of every week that has any."""
    statement = Statement()
    keys = _keys(query)
    deployed = _deployed(statement, query, buckets)
    zone = statement.place(query.timezone)
    statement.text = f"""
WITH days AS (
    SELECT DISTINCT {keys}, (finished_at AT TIME ZONE {zone}::text)::date AS day FROM ({deployed}) AS deployed
),
weeks AS (SELECT {keys}, count(*) AS days FROM days GROUP BY {keys}, date_trunc('week', day))
SELECT {keys}, array_agg(days ORDER BY days) AS days FROM weeks GROUP BY {keys}
"""
    return statement


def build_links(query: DoraQuery, buckets: Buckets | None) -> Statement:
    """The links of the window's deployments, each with its service (where asked) and bucket."""
    statement = Statement()
    statement.text = f"""
WITH deployed AS ({_deployed(statement, query, buckets)}),
links AS ({_links(statement, query)})
SELECT {_keys(query, "d.")}, links.incident_id, d.deployment_id, links.method, links.confidence
FROM deployed AS d JOIN links ON links.deployment_key = d.deployment_key
ORDER BY d.finished_at, d.deployment_key, links.incident_id COLLATE "C"
"""
    return statement


def build_names(query: DoraQuery) -> Statement:
    """The name that each service of the window had last."""
    statement = Statement()
    where = " AND ".join(["d.status = 'success'", *_within(statement, query, "d")])
    statement.text = f"""
SELECT DISTINCT ON (service_key) service_key, service
FROM (
    SELECT d.service_key, d.service, max(d.finished_at) AS last_at
    FROM warehouse.fct_deployments AS d WHERE {where} GROUP BY d.service_key, d.service
) AS used
ORDER BY service_key, last_at DESC, service
"""
    return statement


def linked(
    statement: Statement, environments: Sequence[str], urgencies: Sequence[str], priorities: Sequence[str]
) -> str:
    """The query of incidents, each with the one deployment of these environments that it is linked to.

    An incident that the marts do not have yet counts as open.
    """
    conditions = [f"l.environment_key = ANY ({lowered(statement, environments)})", "l.deployment_key IS NOT NULL"]
    if urgencies:
        conditions.append(by_urgency(statement, urgencies))
    if priorities:
        conditions.append(by_reference(statement, "priority", priorities))
    # Linked in several environments, it belongs to the link that is trusted most.
    only = "DISTINCT ON (l.incident_id)" if len(environments) > 1 else ""
    order = f"ORDER BY l.incident_id, {_RANK}, l.confidence DESC, l.deployment_key" if only else ""
    return f"""
    SELECT {only} l.incident_id, l.deployment_key, l.method, l.confidence, {_RANK} AS rank, f.resolved_at
    FROM warehouse.fct_incident_deployments AS l
    LEFT JOIN warehouse.fct_incidents AS f ON f.incident_id = l.incident_id
    WHERE {" AND ".join(conditions)} {order}"""


def rollbacks(statement: Statement, environments: Sequence[str]) -> str:
    """The query of deployments that a deployment of these environments rolled back, with the first one's finish."""
    return f"""
    SELECT r.rollback_of_key AS deployment_key, min(r.finished_at) AS finished_at,
        array_agg(r.deployment_id ORDER BY r.finished_at, r.deployment_key) AS deployment_ids
    FROM warehouse.fct_deployments AS r
    WHERE r.rollback_of_key <> r.deployment_key AND r.status = 'success' AND r.finished_at IS NOT NULL
        AND r.environment_key = ANY ({lowered(statement, environments)})
    GROUP BY r.rollback_of_key"""


def of_services(statement: Statement, services: Sequence[str], alias: str) -> str:
    """The condition that the service is any of these: by its name in any case, or a name or id that PagerDuty has."""
    given = f"{statement.place(list(services))}::text[]"
    return f"""{alias}.service_key = ANY (ARRAY(
        WITH named AS (
            SELECT lower(given) AS name FROM unnest({given}) AS given
            UNION SELECT lower(service_name) FROM warehouse.dim_services WHERE service_id = ANY ({given})
        )
        SELECT name FROM named
        UNION SELECT lower(m.service) FROM service_mapping AS m JOIN named USING (name) WHERE m.kind = 'pagerduty'
    ))"""


def lowered(statement: Statement, names: Sequence[str]) -> str:
    """The names as keys compare them."""
    return f"ARRAY(SELECT lower(given) FROM unnest({statement.place(list(names))}::text[]) AS given)"


def _links(statement: Statement, query: DoraQuery) -> str:
    return linked(statement, query.environments, query.urgencies, query.priorities)


def _deployed(statement: Statement, query: DoraQuery, buckets: Buckets | None) -> str:
    bucket = _bucket(statement, "d.finished_at", buckets)
    where = " AND ".join(["d.status = 'success'", *_within(statement, query, "d")])
    return f"""
    SELECT d.deployment_key, d.deployment_id, d.service_key COLLATE "C" AS service_key, d.kind, d.finished_at,
        {bucket} AS bucket
    FROM warehouse.fct_deployments AS d WHERE {where}"""


def _within(statement: Statement, query: DoraQuery, alias: str) -> list[str]:
    conditions = [
        f"{alias}.environment_key = ANY ({lowered(statement, query.environments)})",
        f"{alias}.finished_at >= {statement.place(query.since)}",
        f"{alias}.finished_at < {statement.place(query.until)}",
    ]
    return [*conditions, *([of_services(statement, query.services, alias)] if query.services else [])]


def _bucket(statement: Statement, moment: str, buckets: Buckets | None) -> str:
    if buckets is None:
        return _NO_BUCKET
    return f"width_bucket({moment}, {statement.place(list(buckets.starts))}::timestamptz[])"


def _keys(query: DoraQuery, alias: str = "") -> str:
    return f"{alias}service_key, {alias}bucket" if query.labels else f"{alias}bucket"
