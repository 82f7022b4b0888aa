"""How much of a window's incidents webhooks told, and how much had to be read of the vendor's REST API."""

from typing import Any

from em_agent.metrics.models import Completeness, Origins
from em_agent.metrics.query import Query
from em_agent.metrics.sql import Statement, filters

_COUNTS = """
SELECT
    count(*) AS incidents,
    count(*) FILTER (WHERE f.is_known_to_webhooks AND NOT f.is_known_to_api) AS webhook_only,
    count(*) FILTER (WHERE f.is_known_to_api AND NOT f.is_known_to_webhooks) AS api_only,
    count(*) FILTER (WHERE f.is_known_to_webhooks AND f.is_known_to_api) AS both,
    count(*) FILTER (WHERE f.triggered_from = 'webhook') AS triggered_webhook,
    count(*) FILTER (WHERE f.triggered_from = 'api') AS triggered_api,
    count(*) FILTER (WHERE f.resolved_from = 'webhook') AS resolved_webhook,
    count(*) FILTER (WHERE f.resolved_from = 'api') AS resolved_api
FROM warehouse.fct_incidents AS f
"""


async def count_known(connection: Any, query: Query) -> dict[str, Any]:  # noqa: ANN401 - one of the pool
    """The counts of `Completeness` of the incidents that were triggered in the query's window."""
    statement = Statement()
    conditions = [
        f"f.triggered_at >= {statement.place(query.since)}",
        f"f.triggered_at < {statement.place(query.until)}",
        *filters(statement, query),
    ]
    row = await connection.fetchrow(f"{_COUNTS} WHERE {' AND '.join(conditions)}", *statement.arguments)
    counts = {name: row[name] for name in Completeness.model_fields if name in row}
    for moment in ("triggered", "resolved"):
        counts[f"{moment}_from"] = Origins(webhook=row[f"{moment}_webhook"], api=row[f"{moment}_api"])
    return counts
