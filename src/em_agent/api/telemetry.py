"""`GET /metrics`: what this process counted, and the state of the whole installation, for Prometheus."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from em_agent.api.backend import Backend, UseBackend
from em_agent.domain.consumers import CONSUMERS
from em_agent.kit import nats as kit_nats
from em_agent.kit.postgres import UNREACHABLE
from em_agent.pipeline import backlog

router = APIRouter(tags=["health"])

# A scraper waits ten seconds by default: a server that hangs must not cost the numbers of the others.
LOOK_SECONDS = 4.0

UP = Gauge("em_agent_up", "1 while the part answers.", ["part"])
OUTBOX_DEPTH = Gauge("em_agent_outbox_depth", "Events that some consumer may not have finished with.", ["state"])
OUTBOX_AGE = Gauge("em_agent_outbox_age_seconds", "Age of the oldest event that is not yet published.")
CONSUMER_LAG = Gauge("em_agent_consumer_lag", "Messages that a consumer has not finished with.", ["consumer"])
DEAD_LETTERS = Gauge("em_agent_dead_letters", "Messages that a consumer gave up on.", ["consumer"])
QUARANTINED = Gauge("em_agent_quarantined", "Authentic deliveries that could not be read.", ["source"])
SECRETS = Gauge("em_agent_source_secrets", "Webhook secrets that the gateway which is asked verifies with.", ["source"])
MODELS_AGE = Gauge("em_agent_models_age_seconds", "Age of the oldest event that the models don't have; 0 if none.")
SEARCH_PENDING = Gauge("em_agent_search_pending", "What the memory has still to index or to embed.", ["what"])
SEARCH_FAILING = Gauge("em_agent_search_failing", "Incidents that could not be indexed so far.")
SEARCH_AGE = Gauge("em_agent_search_age_seconds", "Age of the oldest change of an incident that is not yet indexed.")
CRAWL_AGE = Gauge("em_agent_crawl_age_seconds", "Time since the last crawl that took in all there was.", ["source"])

_CRAWLS = """
SELECT source, extract(epoch FROM clock_timestamp() - max(finished_at))::float8 AS age
FROM crawl_runs WHERE state = 'done' AND mode <> 'selection' GROUP BY source
"""

SLACK_PENDING = Gauge("em_agent_slack_pending", "Requests not yet answered, incidents not yet announced.", ["what"])
SLACK_TROUBLES = Gauge("em_agent_slack_troubles", "Tokens and channels of Slack's that do not work.")

_SLACK = """
SELECT (SELECT count(*) FROM slack_jobs WHERE finished_at IS NULL) AS requests,
    (SELECT count(*) FROM slack_pending) AS incidents, (SELECT count(*) FROM slack_troubles) AS troubles
"""


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(backend: UseBackend) -> Response:
    """Prometheus text; the state of a part that does not answer is left as it was last seen, its `up` is 0."""
    await _look_at_postgres(backend)
    await _look_at_nats(backend)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _look_at_postgres(backend: Backend) -> None:
    try:
        async with backend.pool.acquire(timeout=LOOK_SECONDS) as connection, asyncio.timeout(LOOK_SECONDS):
            outbox = await backlog.outbox_backlog(connection)
            dead = await backlog.count_dead_letters(connection)
            search = await backlog.search_backlog(connection)
            quarantined = await backlog.count_quarantined(connection)
            crawls = await connection.fetch(_CRAWLS)
            slack = await connection.fetchrow(_SLACK)
    except UNREACHABLE:
        UP.labels("postgres").set(0)
        return
    UP.labels("postgres").set(1)
    OUTBOX_DEPTH.labels("unpublished").set(outbox.unpublished)
    OUTBOX_DEPTH.labels("unfinished").set(outbox.unfinished)
    OUTBOX_AGE.set(outbox.unpublished_age_seconds)
    MODELS_AGE.set(outbox.age_seconds)
    SEARCH_PENDING.labels("incidents").set(search.incidents)
    SEARCH_PENDING.labels("passages").set(search.passages)
    SEARCH_FAILING.set(search.failing)
    SEARCH_AGE.set(search.age_seconds)
    if slack is not None:
        SLACK_PENDING.labels("requests").set(slack["requests"])
        SLACK_PENDING.labels("incidents").set(slack["incidents"])
        SLACK_TROUBLES.set(slack["troubles"])
    for consumer in CONSUMERS:
        DEAD_LETTERS.labels(consumer).set(dead.get(consumer, 0))
    for source, count in quarantined.items():
        QUARANTINED.labels(source).set(count)
    for row in crawls:
        CRAWL_AGE.labels(row["source"]).set(max(row["age"], 0))


async def _look_at_nats(backend: Backend) -> None:
    UP.labels("nats").set(1 if backend.nats.is_connected else 0)
    if not backend.nats.is_connected:
        return
    try:
        lag = await backlog.consumer_lag(backend.nats)
    except kit_nats.UNREACHABLE:
        UP.labels("nats").set(0)
        return
    for consumer, messages in lag.items():
        CONSUMER_LAG.labels(consumer).set(messages)
