"""What a crawl brings with a token that may not read everything."""

from datetime import UTC, datetime, timedelta

import pytest

from em_agent.errors import UnauthenticError
from em_agent.integrations.pagerduty.failures import NotPermittedError
from tests.connectors.conftest import ALL, Stand
from tests.fake_pagerduty import ADMIN, Account, Token, say

NOW = datetime.now(UTC).replace(microsecond=0)


async def test_no_right_to_the_log(stand: Stand) -> None:
    """Without log entries the incidents are known by what they show of themselves, and the run says so."""
    stand.fake.tokens[ADMIN] = Token(forbidden=(r".*/log_entries",))
    run = await stand.crawl()
    assert (run.fetched, run.indexed, run.failed) == (250, 250, 0)
    assert any("/log_entries" in reason for reason in run.reasons)
    rows = {row["id"]: row for row in await stand.pool.fetch("SELECT * FROM incidents")}
    for incident in stand.fake.account.incidents.values():
        assert rows[incident.id]["resolved_at"] == incident.resolved_at
        assert rows[incident.id]["acknowledged_at"] is None
    assert await stand.pool.fetchval("SELECT count(DISTINCT incident_id) FROM incident_notes") > 10
    resolved = next(i for i in stand.fake.account.by_time if i.status != "resolved")
    stand.fake.account.resolve(resolved, NOW)
    await stand.crawl()
    assert await stand.pool.fetchval("SELECT status FROM incidents WHERE id = $1", resolved.id) == "resolved"


async def test_log_of_the_account_forbidden(stand: Stand) -> None:
    """A token that may read each incident's log, but not the account's, is enough."""
    stand.fake.tokens[ADMIN] = Token(forbidden=("/log_entries",))
    await stand.crawl()
    await stand.check_truth()
    stand.fake.account.annotate(stand.fake.account.trigger(NOW), NOW + timedelta(seconds=30), "Fixed by a restart.")
    await stand.crawl()
    await stand.check_truth()


async def test_log_forbidden_and_newest_deleted(stand: Stand) -> None:
    """That the newest incident known here is deleted, or kept from the token, says nothing of the others' logs."""
    account = stand.fake.account
    stand.fake.tokens[ADMIN] = Token(forbidden=("/log_entries",))
    await stand.crawl()
    account.delete(account.by_time[-1])
    stand.fake.faults = [say(403, b"", path=f"/incidents/{account.by_time[-1].id}/.*", times=1000)]
    account.annotate(account.trigger(NOW - timedelta(minutes=1)), NOW, "Fixed by a restart.")
    await stand.crawl()
    await stand.check_truth()


async def test_log_forbidden_in_an_empty_account(stand: Stand) -> None:
    """Where there is no incident whose log could be asked for, there is nothing that could not be read."""
    stand.fake.account = Account()
    stand.fake.tokens[ADMIN] = Token(forbidden=("/log_entries",))
    await stand.crawl()
    await stand.crawl()
    stand.fake.account.acknowledge(stand.fake.account.trigger(NOW - timedelta(minutes=1)), NOW)
    await stand.crawl()
    await stand.check_truth()


async def test_no_right_to_notes(stand: Stand) -> None:
    """Without notes everything else is read, and hardly any are asked for."""
    stand.fake.tokens[ADMIN] = Token(forbidden=(r".*/notes",), status=402)
    run = await stand.crawl()
    assert (run.fetched, run.failed) == (250, 0)
    assert stand.fake.requests["/incidents/{id}/notes"] <= 3
    assert any("notes" in reason for reason in run.reasons)


async def test_no_rights_at_all(stand: Stand) -> None:
    """A wrong token, or one that may not read incidents, ends the crawl with its reason."""
    with pytest.raises(UnauthenticError, match="PAGERDUTY_API_TOKEN"):
        await stand.crawler("wrong").crawl(ALL)
    stand.fake.tokens[ADMIN] = Token(forbidden=("/incidents",))
    with pytest.raises(NotPermittedError, match="/incidents"):
        await stand.crawler().crawl(ALL)
    states = await stand.pool.fetch("SELECT state, reasons->>0 AS reason FROM crawl_runs")
    assert {row["state"] for row in states} == {"failed"}
    assert all(row["reason"] for row in states)


async def test_rights_that_come_later(stand: Stand) -> None:
    """Where the token is given the right to logs or notes, all of history is read again; until then it is not."""
    stand.fake.tokens[ADMIN] = Token(forbidden=(r".*/log_entries", r".*/notes"))
    await stand.crawl()
    assert (await stand.crawl()).mode == "changes"
    stand.fake.tokens[ADMIN] = Token(forbidden=(r".*/notes",))
    assert (await stand.crawl()).mode == "full"
    assert (await stand.crawl()).mode == "changes"
    stand.fake.tokens[ADMIN] = Token()
    run = await stand.crawl()
    assert (run.mode, run.reasons) == ("full", [])
    await stand.check_truth()
    assert (await stand.crawl()).mode == "changes"
