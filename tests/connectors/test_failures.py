"""What cannot be read of single incidents: they are told of and tried again, and keep no others out."""

from datetime import UTC, datetime

import pytest

from em_agent.errors import RetriableError
from tests.connectors.conftest import ALL, Stand
from tests.fake_pagerduty import ADMIN, Fault, Token, fail, generate, say
from tests.fake_pagerduty.account import Incident

NOW = datetime.now(UTC).replace(microsecond=0)
REFUSED = say(400, b'{"error": {"message": "Invalid Input Provided", "code": 2001}}')
BAD = [REFUSED, say(403, b""), fail(500)]


def spoil(stand: Stand, incidents: list[Incident], part: str, fault: Fault) -> None:
    """Have every question for this part of the incidents answered so."""
    path = f"/incidents/({'|'.join(incident.id for incident in incidents)}){part}"
    stand.fake.faults = [Fault("status", path, times=10_000, status=fault.status, body=fault.body)]


async def failed(stand: Stand) -> set[str]:
    """The incidents that the next crawl is to try again."""
    return {row["incident_id"] for row in await stand.pool.fetch("SELECT incident_id FROM crawl_failures")}


@pytest.mark.parametrize("fault", BAD, ids=lambda fault: str(fault.status))
async def test_bad_incidents(stand: Stand, fault: Fault) -> None:
    """However many incidents cannot be shown, the others are read, and these once they can be."""
    await stand.crawl()
    account = stand.fake.account
    bad, fine = account.by_time[3:8], account.by_time[9:12]
    for incident in (*bad, *fine):
        account.rename(incident, NOW, "Renamed")
    spoil(stand, bad, "", fault)
    run = await stand.crawl()
    assert (run.fetched, run.failed) == (3, 5)
    assert await failed(stand) == {incident.id for incident in bad}
    stand.fake.faults.clear()
    assert (await stand.crawl()).fetched == 5
    await stand.check_truth()
    assert not await failed(stand)


@pytest.mark.parametrize("fault", BAD, ids=lambda fault: str(fault.status))
async def test_bad_notes(stand: Stand, fault: Fault) -> None:
    """However many incidents' notes cannot be read, the others' are, and these once they can be."""
    bad = [incident for incident in reversed(stand.fake.account.by_time) if incident.notes][:5]
    spoil(stand, bad, "/notes", fault)
    run = await stand.crawl()
    assert (run.failed, run.indexed) == (5, 250)
    assert await failed(stand) == {incident.id for incident in bad}
    stand.fake.faults.clear()
    await stand.crawl()
    await stand.check_truth()
    assert not await failed(stand)


async def test_bad_logs(stand: Stand) -> None:
    """Where logs are read one by one, some that are forbidden or fail keep no others out."""
    stand.fake.account = generate(30, seed=2)
    stand.fake.tokens[ADMIN] = Token(forbidden=("/log_entries",))
    forbidden, broken = stand.fake.account.by_time[3:6], stand.fake.account.by_time[10:14]
    spoil(stand, broken, "/log_entries", fail(500))
    broken_fault = stand.fake.faults[0]
    spoil(stand, forbidden, "/log_entries", say(403, b""))
    stand.fake.faults.append(broken_fault)
    run = await stand.crawl()
    assert (run.failed, run.indexed) == (7, 30)
    stand.fake.faults.clear()
    await stand.crawl()
    await stand.check_truth()


async def test_pagerduty_away(stand: Stand) -> None:
    """Where no incident can be shown the crawl fails, blames none of them, and goes on when they can be."""
    await stand.crawl()
    account = stand.fake.account
    for incident in account.by_time[3:8]:
        account.rename(incident, NOW, "Renamed")
    stand.fake.faults = [fail(500, path="/incidents/.*", times=10_000)]
    with pytest.raises(RetriableError):
        await stand.crawler().crawl(ALL)
    assert not await failed(stand)
    stand.fake.faults.clear()
    assert (await stand.crawl()).fetched == 5
    await stand.check_truth()
