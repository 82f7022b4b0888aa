"""`GET /metrics`: what this process counted, and the state of the whole installation, for Prometheus."""

import asyncio

import nats.js.errors
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from em_agent.api.backend import Backend, UseBackend
from em_agent.domain.consumers import CONSUMERS, STREAM
from em_agent.kit import nats as kit_nats
from em_agent.kit.postgres import UNREACHABLE

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

_OUTBOX = """
SELECT depth.unpublished, depth.unfinished,
    coalesce(extract(epoch FROM now() - unpublished.received_at), 0)::float8 AS age,
    coalesce(extract(epoch FROM now() - oldest.received_at), 0)::float8 AS unfinished_age
FROM (
    SELECT count(*) FILTER (WHERE published_at IS NULL) AS unpublished,
        count(*) FILTER (WHERE published_at IS NOT NULL) AS unfinished,
        min(event_id) FILTER (WHERE published_at IS NULL) AS first_unpublished,
        min(event_id) AS first
    FROM outbox
) AS depth
LEFT JOIN events_raw AS unpublished ON unpublished.id = depth.first_unpublished
LEFT JOIN events_raw AS oldest ON oldest.id = depth.first
"""

_SLACK = """
SELECT (SELECT count(*) FROM slack_jobs WHERE finished_at IS NULL) AS requests,
    (SELECT count(*) FROM slack_pending) AS incidents, (SELECT count(*) FROM slack_troubles) AS troubles
"""

_SEARCH = """
SELECT count(*) AS incidents, count(*) FILTER (WHERE attempts > 0) AS failing,
    coalesce(extract(epoch FROM now() - min(marked_at)), 0)::float8 AS age,
    (SELECT count(*) FROM search.passages WHERE model IS NULL) AS passages
FROM search.pending_incidents
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
            outbox = await connection.fetchrow(_OUTBOX)
            dead = await connection.fetch(
                "SELECT consumer, count(*) AS n FROM dead_letters WHERE resolved_at IS NULL GROUP BY 1"
            )
            search = await connection.fetchrow(_SEARCH)
            quarantined = await connection.fetch("SELECT source, count(*) AS n FROM quarantine GROUP BY 1")
            crawls = await connection.fetch(_CRAWLS)
            slack = await connection.fetchrow(_SLACK)
    except UNREACHABLE:
        UP.labels("postgres").set(0)
        return
    UP.labels("postgres").set(1)
    if outbox is not None:
        OUTBOX_DEPTH.labels("unpublished").set(outbox["unpublished"])
        OUTBOX_DEPTH.labels("unfinished").set(outbox["unfinished"])
        OUTBOX_AGE.set(max(outbox["age"], 0))
        MODELS_AGE.set(max(outbox["unfinished_age"], 0))
    if search is not None:
        SEARCH_PENDING.labels("incidents").set(search["incidents"])
        SEARCH_PENDING.labels("passages").set(search["passages"])
        SEARCH_FAILING.set(search["failing"])
        SEARCH_AGE.set(max(search["age"], 0))
    if slack is not None:
        SLACK_PENDING.labels("requests").set(slack["requests"])
        SLACK_PENDING.labels("incidents").set(slack["incidents"])
        SLACK_TROUBLES.set(slack["troubles"])
    counts = {row["consumer"]: row["n"] for row in dead}
    for consumer in CONSUMERS:
        DEAD_LETTERS.labels(consumer).set(counts.get(consumer, 0))
    for row in quarantined:
        QUARANTINED.labels(row["source"]).set(row["n"])
    for row in crawls:
        CRAWL_AGE.labels(row["source"]).set(max(row["age"], 0))


async def _look_at_nats(backend: Backend) -> None:
    UP.labels("nats").set(1 if backend.nats.is_connected else 0)
    if not backend.nats.is_connected:
        return
    js = kit_nats.jetstream(backend.nats)
    for consumer in CONSUMERS:
        try:
            info = await js.consumer_info(STREAM, consumer)
        except nats.js.errors.NotFoundError:
            continue
        except kit_nats.UNREACHABLE:
            UP.labels("nats").set(0)
            return
        CONSUMER_LAG.labels(consumer).set((info.num_pending or 0) + (info.num_ack_pending or 0))
