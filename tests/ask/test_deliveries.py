"""Questions about deployments are answered from the DORA metrics."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from em_agent.ask.answers import Answer
from em_agent.ask.asker import Asker
from em_agent.ask.delivery_metrics import read_metrics
from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.query import Search
from tests.delivered import Broken, Deployed, World, build

NOW = datetime(2026, 11, 4, 10, 30, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 5, 12, tzinfo=UTC)
DEPLOYMENTS = tuple(
    Deployed(id=f"d-{number}", service=service, finished_at=OCTOBER + timedelta(days=number), leads=(3_600.0, 7_200.0))
    for number, service in enumerate(("Checkout", "Checkout", "Search", "Checkout"))
)
INCIDENT = Broken(
    id="P1", deployment="d-1", method="window", triggered_at=OCTOBER + timedelta(days=1, hours=1),
    resolved_at=OCTOBER + timedelta(days=1, hours=2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "metrics"),
    [
        ("what was our change failure rate last month?", ("failure_rate",)),
        ("how often did we deploy checkout in October?", ("frequency",)),
        ("how many deployments did we have last week?", ("frequency",)),
        ("lead time for changes?", ("lead_time",)),
        ("what share of our deployments failed?", ("failure_rate",)),
        ("our DORA metrics of the quarter", ("frequency", "lead_time", "failure_rate", "recovery", "rework")),
        ("what caused the database outage last week?", ()),
        ("how often did the database fail?", ()),
        ("why did the deployment of Tuesday fail?", ()),
        ("what was our MTTR last month?", ()),
    ],
)
def test_what_is_asked_for(question: str, metrics: tuple[str, ...]) -> None:
    """Deployments, changes and DORA are asked for by their names, in any order."""
    assert read_metrics(question) == metrics


async def ask(pool: Pool, question: str) -> Answer:
    """The answer."""
    asker = Asker(Search(pool, None), IncidentMeter(pool), pool, timezone=ZoneInfo("Europe/Berlin"))
    return await asker.ask(question, NOW)


async def test_figures(pool: Pool) -> None:
    """A figure comes with its window, sample, freshness and edition, and leads to the deployments behind it."""
    async with pool.acquire() as connection:
        await build(connection, World(DEPLOYMENTS, (INCIDENT,)))

    answer = await ask(pool, "what was our change failure rate last month?")
    assert not answer.abstained
    assert "1 Oct 2026 to 31 Oct 2026 (Europe/Berlin)" in answer.answer
    assert "25.0% (1 of 4 deployments failed)" in answer.answer
    assert "DORA 2023" in answer.answer
    assert "before" not in answer.answer
    metric, behind = answer.citations
    assert metric.url is not None
    assert metric.url.startswith("/v1/metrics/dora?since=2026-09-30T22%3A00%3A00Z&until=2026-10-31T23%3A00%3A00Z")
    assert behind.url is not None
    assert behind.url.startswith("/v1/deployments?since=")

    answer = await ask(pool, "how often did we deploy checkout in October?")
    assert "Deployments of service Checkout" in answer.answer
    assert "Deployment frequency: 3 deployments" in answer.answer

    assert "median 1 h 30 min" in (await ask(pool, "lead time for changes in October 2026?")).answer
    answer = await ask(pool, "change failure rate by service in October")
    assert "Checkout: Change failure rate: 33.3%" in answer.answer
    assert "Search: Change failure rate: 0.0%" in answer.answer


async def test_nothing_deployed(pool: Pool) -> None:
    """Without deployments, or the marts of them, nothing is made up."""
    answer = await ask(pool, "what was our change failure rate last month?")
    assert answer.abstained
    assert "unknown, for there were no deployments" in answer.answer
