"""The metrics over marts that dbt built: what is said by hand shows at once, and outlives a replay."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from em_agent.incidents import deployments
from em_agent.kit.postgres import open_pool
from em_agent.metrics.dora.deployments import DeploymentQuery, find_deployments
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.dora.query import DoraQuery
from em_agent.workers.replay import replay_incidents
from tests.marts import Stored, Transformer, body, database_url, store, transformer  # noqa: F401

DAY = datetime(2026, 3, 2, tzinfo=UTC)
QUERY = DoraQuery(since=DAY, until=DAY + timedelta(days=7), group_by=("service",))


def _post(deployment_id: str, hour: float, **more: Any) -> Stored:
    at = DAY + timedelta(hours=hour)
    document = {
        "id": deployment_id, "service": "Checkout", "environment": "Production", "status": "success",
        "finished_at": at.isoformat(), **more,
    }  # fmt: skip
    return f"post-{deployment_id}", json.dumps(document), at, at, "deployment"


def _incident(kind: str, hour: float) -> Stored:
    at = DAY + timedelta(hours=hour)
    data = {"id": "PDORA01", "number": 7, "title": "Checkout is slow", "service": {"id": "S1", "summary": "checkout"}}
    return f"{kind}-{hour}", body(f"incident.{kind}", data), at, at


async def _look(
    url: str, deployment: str | None = None, *, is_caused_by_change: bool = True, says: bool = False
) -> Any:
    async with open_pool(url, name="test", size=2) as pool:
        if says:
            await deployments.say_link(
                pool, "PDORA01", None, deployment=deployment, is_caused_by_change=is_caused_by_change
            )
        metrics = await DoraMeter(pool).measure(QUERY)
        page = await find_deployments(pool, DeploymentQuery())
    (group,) = metrics.groups
    listed = [(d.id, [link.incident for link in d.incidents]) for d in page.deployments]
    return metrics.as_of, group, listed


async def _replay(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await replay_incidents(connection, lambda *_: None)
    finally:
        await connection.close()


def test_links_outlive_a_replay(database_url: str, transformer: Transformer) -> None:  # noqa: F811
    """A link said by hand takes the rule's place at once; rebuilding everything changes neither it nor a number."""
    store(database_url, [_post("d-1", 9), _post("d-2", 11, kind="rollback", rollback_of="d-1", incident="#7")])
    store(database_url, [_incident("triggered", 10), _incident("resolved", 12)])
    asyncio.run(_replay(database_url))  # which folds what was never told to a worker
    transformer.run()

    as_of, group, listed = asyncio.run(_look(database_url))
    assert as_of == DAY + timedelta(hours=12)
    assert group.key == {"service": "Checkout"}
    assert group.change_failure_rate.by_method.rollback == 1
    assert group.failed_deployment_recovery_time_seconds.median == 3 * 3600
    assert listed == [("d-2", []), ("d-1", ["PDORA01"])]

    _, group, listed = asyncio.run(_look(database_url, "d-2", says=True))
    assert [(link.deployment, link.method) for link in group.links] == [("d-2", "manual")]
    assert group.change_failure_rate.failed == 2  # the first was rolled back all the same
    assert listed == [("d-2", ["PDORA01"]), ("d-1", [])]

    asyncio.run(_replay(database_url))
    transformer.run(full_refresh=True)
    assert asyncio.run(_look(database_url))[1:] == (group, listed)

    _, group, _ = asyncio.run(_look(database_url, is_caused_by_change=False, says=True))
    assert group.links == []
