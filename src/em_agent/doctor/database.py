"""Examines the database: the server itself, and what our tables say about the flow of events."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from em_agent.doctor.report import Check, age_text, fail, ok, warn
from em_agent.errors import RetriableError
from em_agent.kit.postgres import Connection, connect, has_migrations

_OLDEST_VERSION = 150_000
_OLDEST_VECTOR = (0, 8)
# What we answered 2xx is on disk only while the server has these on.
_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
_SLOW_SECONDS = 60.0
_STUCK_SECONDS = 600.0

_OUTBOX = """
SELECT count(*) AS depth, count(*) FILTER (WHERE o.published_at IS NULL) AS unpublished,
    extract(epoch FROM clock_timestamp() - min(e.received_at))::float8 AS age_seconds
FROM (SELECT event_id, published_at FROM outbox ORDER BY event_id LIMIT 100000) AS o
JOIN events_raw AS e ON e.id = o.event_id
"""

_NEWEST = """
SELECT received_at, extract(epoch FROM clock_timestamp() - received_at)::float8 AS age_seconds
FROM events_raw WHERE source = $1 ORDER BY id DESC LIMIT 1
"""

_FRESHNESS = """
SELECT built_at, extract(epoch FROM clock_timestamp() - built_at)::float8 AS age_seconds,
    extract(epoch FROM clock_timestamp() - (
        SELECT min(e.received_at) FROM outbox AS o JOIN events_raw AS e ON e.id = o.event_id
    ))::float8 AS waiting_seconds
FROM warehouse.freshness WHERE as_of IS NOT NULL
"""


@dataclass(frozen=True)
class Use:
    """A source, whether deliveries of it are awaited, and the setting of the secret that it lacks, if it lacks one."""

    source: str
    is_wanted: bool
    lacks: str | None = None


async def examine_database(url: str, uses: Sequence[Use]) -> list[Check]:
    """What is found in the database, by the order in which things depend on each other."""
    try:
        connection = await connect(url, name="em-agent doctor", command_seconds=20.0)
    except (RetriableError, asyncpg.PostgresError) as error:
        return [fail("postgres", str(error), "Start the server, or mend DATABASE_URL.")]
    try:
        checks = [await _server(connection), await _durability(connection), await _vector(connection)]
        if not await has_migrations(connection):
            advice = "Run `em-agent migrate`."
            return [*checks, fail("migrations", "The database is not up to date with this release.", advice)]
        checks.append(ok("migrations", "The database is up to date."))
        checks += [check for use in uses for check in await _last_delivery(connection, use)]
        checks += [await _outbox(connection), await _dead_letters(connection), await _quarantine(connection)]
        return [*checks, await _freshness(connection)]
    except asyncpg.InsufficientPrivilegeError as error:
        return [fail("postgres", f"The user of DATABASE_URL may not read: {error}.", "Make it the tables' owner.")]
    except (TimeoutError, asyncpg.PostgresError, OSError) as error:
        return [
            fail("postgres", f"A question failed: {str(error) or type(error).__name__}.", "Look into the server's log.")
        ]
    finally:
        connection.terminate()


async def _server(connection: Connection) -> Check:
    number = int(await connection.fetchval("SHOW server_version_num"))
    version = await connection.fetchval("SHOW server_version")
    if number < _OLDEST_VERSION:
        return fail("postgres", f"PostgreSQL {version} is too old.", "Use PostgreSQL 15 or newer.")
    return ok("postgres", f"PostgreSQL {version} answers.")


async def _durability(connection: Connection) -> Check:
    off = [name for name in _DURABILITY if await connection.fetchval(f"SHOW {name}") == "off"]
    if off:
        return fail(
            "durability", f"The server has {', '.join(off)} off: a crash loses accepted events.", "Switch it on."
        )
    return ok("durability", "Commits are on disk before they are answered.")


async def _vector(connection: Connection) -> Check:
    version = await connection.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    if version is None:
        advice = "Install pgvector 0.8 or newer on the server, and run CREATE EXTENSION vector as its superuser."
        return fail("pgvector", "The extension vector is not in the database.", advice)
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_VECTOR:
        return fail("pgvector", f"pgvector {version} is too old.", "Update it to 0.8: ALTER EXTENSION vector UPDATE.")
    return ok("pgvector", f"pgvector {version}.")


async def _last_delivery(connection: Connection, use: Use) -> list[Check]:
    """How old the newest delivery is; nothing of a source that nobody awaits and that sent none."""
    name = f"deliveries: {use.source}"
    row = await connection.fetchrow(_NEWEST, use.source)
    if row is None:
        address = f"its webhook's address ends with /webhooks/{use.source}"
        advice = f"Send a test event from {use.source}, and see that {address}."
        return [warn(name, "None has been received yet.", advice)] if use.is_wanted else []
    detail = f"The last one was received {age_text(row['age_seconds'])} ago."
    if use.lacks is not None and not use.is_wanted:
        advice = f"Set {use.lacks} to the webhook's secret."
        return [warn(name, f"{detail} Nothing proves that it came from there.", advice)]
    return [ok(name, detail)]


async def _outbox(connection: Connection) -> Check:
    row = await connection.fetchrow(_OUTBOX)
    if row is None or not row["depth"]:
        return ok("outbox", "Every event has been handled.")
    detail = (
        f"{row['depth']} events are being handled, {row['unpublished']} of them not published yet; "
        f"the oldest has waited {age_text(row['age_seconds'])}."
    )
    if row["age_seconds"] < _SLOW_SECONDS:
        return ok("outbox", detail)
    part = "relay" if row["unpublished"] else "workers"
    advice = f"See whether the {part} run, and what they log."
    return (warn if row["age_seconds"] < _STUCK_SECONDS else fail)("outbox", detail, advice)


async def _dead_letters(connection: Connection) -> Check:
    count = await connection.fetchval("SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL")
    if count:
        advice = "See GET /v1/dead-letters for the errors; once mended, POST /v1/dead-letters/{id}/replay."
        return warn("dead letters", f"{count} events could not be handled.", advice)
    return ok("dead letters", "None.")


async def _quarantine(connection: Connection) -> Check:
    count = await connection.fetchval("SELECT count(*) FROM quarantine")
    if count:
        advice = "See GET /v1/quarantine for the reasons."
        return warn("quarantine", f"{count} authentic deliveries could not be read; they are kept.", advice)
    return ok("quarantine", "Empty.")


async def _freshness(connection: Connection) -> Check:
    advice = "See whether the worker `warehouse` runs, and what it logs."
    if await connection.fetchval("SELECT to_regclass('warehouse.freshness')") is None:
        return warn("metrics", "The models have not been built yet.", advice)
    row = await connection.fetchrow(_FRESHNESS)
    if row is None:
        return warn("metrics", "The models hold no event yet.", "Send a test event.")
    detail = f"The models were built {age_text(row['age_seconds'])} ago."
    waiting = row["waiting_seconds"]
    if waiting is None or waiting < _SLOW_SECONDS:
        return ok("metrics", detail)
    return warn("metrics", f"{detail} Events have waited {age_text(waiting)} to be included.", advice)
