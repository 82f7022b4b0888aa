"""What the database tells of the flow of events."""

from em_agent.doctor.database import Use, examine_database
from em_agent.doctor.report import Status
from em_agent.kit.postgres import Pool

PAGERDUTY = [Use("pagerduty", is_wanted=True)]

_EVENT = """
WITH event AS (
    INSERT INTO events_raw (source, delivery_id, payload, received_at)
    VALUES ('pagerduty', 'd', '{}', now() - interval '3 minutes')
    RETURNING id
)
INSERT INTO outbox (event_id, source) SELECT id, 'pagerduty' FROM event
"""


async def test_an_event_that_nobody_takes_is_found(database_url: str, pool: Pool) -> None:
    """An event that has waited for minutes warns, with the part to look at; one of hours fails."""
    await pool.execute(_EVENT)
    checks = {check.name: check for check in await examine_database(database_url, PAGERDUTY)}
    assert checks["deliveries: pagerduty"].status is Status.OK
    assert checks["outbox"].status is Status.WARN
    assert "relay" in (checks["outbox"].advice or "")
    await pool.execute("UPDATE events_raw SET received_at = now() - interval '5 hours'")
    await pool.execute("UPDATE outbox SET published_at = now()")
    checks = {check.name: check for check in await examine_database(database_url, PAGERDUTY)}
    assert checks["outbox"].status is Status.FAIL
    assert "5 h" in checks["outbox"].detail
    assert "workers" in (checks["outbox"].advice or "")


async def test_what_was_set_aside_is_counted(database_url: str, pool: Pool) -> None:
    """Dead letters that are not resolved and deliveries in quarantine warn."""
    await pool.execute(
        "INSERT INTO dead_letters (consumer, event_id, source, delivery_id, error, attempts) "
        "VALUES ('incidents', 1, 'pagerduty', 'd', 'bad', 5)"
    )
    await pool.execute(
        "INSERT INTO quarantine (source, body_sha256, body, reason) VALUES ('pagerduty', 'x', 'x', 'not JSON')"
    )
    checks = {check.name: check for check in await examine_database(database_url, PAGERDUTY)}
    assert checks["dead letters"].status is Status.WARN
    assert checks["quarantine"].status is Status.WARN


async def test_a_missing_migration_is_found(database_url: str, pool: Pool) -> None:
    """A database that an older release left says what to run."""
    await pool.execute("DELETE FROM schema_migrations WHERE name = '0002_incidents.sql'")
    checks = {check.name: check for check in await examine_database(database_url, PAGERDUTY)}
    assert checks["migrations"].status is Status.FAIL
    assert "em-agent migrate" in (checks["migrations"].advice or "")


async def test_a_server_that_is_away_is_one_finding() -> None:
    """Nothing is asked of a server that does not answer."""
    checks = await examine_database("postgresql://u:p@127.0.0.1:9/x", PAGERDUTY)
    assert [(check.name, check.status) for check in checks] == [("postgres", Status.FAIL)]


async def test_a_source_that_nobody_uses_is_quiet(database_url: str, pool: Pool) -> None:
    """A source that is neither set up nor heard of is not told of; one that sends without a secret warns."""
    uses = [Use("github", is_wanted=False, lacks="GITHUB_WEBHOOK_SECRET"), Use("deployment", is_wanted=False)]
    names = {check.name for check in await examine_database(database_url, uses)}
    assert not {"deliveries: github", "deliveries: deployment"} & names
    await pool.execute(
        "INSERT INTO events_raw (source, delivery_id, payload) VALUES ('github', 'd', '{}'), ('deployment', 'd', '{}')"
    )
    checks = {check.name: check for check in await examine_database(database_url, uses)}
    assert checks["deliveries: github"].status is Status.WARN
    assert "GITHUB_WEBHOOK_SECRET" in (checks["deliveries: github"].advice or "")
    assert checks["deliveries: deployment"].status is Status.OK
