"""Which parts answer now: the database, NATS, and by roll call over it the roles that serve no port of their own."""

import asyncio

from nats.aio.client import Client

from em_agent.domain.consumers import SLACK, STREAM, WORKERS
from em_agent.kit import nats as kit_nats
from em_agent.kit import postgres
from em_agent.kit.postgres import Pool
from em_agent.kit.presence import present

CHECK_SECONDS = 1.5
ROLES = ("relay", *(f"worker {name}" for name in WORKERS))
OK = "ok"


async def check_postgres(pool: Pool) -> dict[str, str]:
    """The database and its schema: `ok`, or what is wrong with each."""
    try:
        async with pool.acquire(timeout=CHECK_SECONDS) as connection, asyncio.timeout(CHECK_SECONDS):
            is_migrated = await postgres.has_migrations(connection)
    except postgres.UNREACHABLE as error:
        return {"postgres": f"does not answer: {type(error).__name__}"}
    return {"postgres": OK, "migrations": OK if is_migrated else "missing: run em-agent migrate"}


async def check_nats(client: Client, *, has_slack: bool) -> dict[str, str]:
    """NATS and the roles: `ok`, or what is wrong with each; Slack's worker where Slack is set up."""
    if not client.is_connected:
        return {"nats": "not connected"}
    roles = (*ROLES, f"worker {SLACK}") if has_slack else ROLES
    try:
        await kit_nats.jetstream(client).stream_info(STREAM)
        names = await present(client, roles, timeout_seconds=CHECK_SECONDS)
    except kit_nats.UNREACHABLE as error:
        return {"nats": f"stream {STREAM} does not answer: {type(error).__name__}"}
    return {"nats": OK, **{role: OK if role in names else "not running" for role in roles}}
