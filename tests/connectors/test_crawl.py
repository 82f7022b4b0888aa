"""What a crawl brings, and what it costs."""

from datetime import UTC, datetime, timedelta

import pytest

from em_agent.connectors.crawl import Crawler
from em_agent.connectors.selection import Selection
from em_agent.errors import RetriableError
from em_agent.kit.postgres import Connection
from em_agent.search.store import Indexed
from tests.connectors.conftest import ALL, Stand
from tests.fake_pagerduty import Account, fail, generate, say

NOW = datetime.now(UTC).replace(microsecond=0)


async def test_everything_is_there_once(stand: Stand) -> None:
    """A crawl of all of history brings every incident, log entry and note, and each into the index once."""
    run = await stand.crawl()
    await stand.check_truth()
    account = stand.fake.account
    assert (run.fetched, run.indexed, run.failed, run.gone) == (250, 250, 0, 0)
    assert set(stand.index.given.values()) == {1}
    assert await stand.events("pagerduty_api") == len(account.log)
    assert await stand.pool.fetchval("SELECT count(*) FROM outbox") == await stand.pool.fetchval(
        "SELECT count(*) FROM events_raw"
    )
    assert await stand.pool.fetchval("SELECT count(*) FROM crawl_incidents") == 0


async def test_budget(stand: Stand) -> None:
    """It costs a hundredth of the incidents and of the log entries, and a request for each incident with a note."""
    run = await stand.crawl()
    account = stand.fake.account
    noted = sum(bool(incident.notes) for incident in account.incidents.values())
    assert run.requests == stand.fake.count
    assert stand.fake.requests["/incidents"] <= 250 / 99 + 3
    assert stand.fake.requests["/log_entries"] <= len(account.log) / 99 + 9
    assert stand.fake.requests["/incidents/{id}/notes"] == noted
    assert stand.fake.requests["/incidents/{id}/alerts"] == 0
    assert stand.fake.most_at_once == 1


async def test_afterwards_only_what_changed(stand: Stand) -> None:
    """The next crawl of everything asks for what is new and changed alone, and leaves the rest untouched."""
    await stand.crawl()
    stand.fake.requests.clear()
    stand.index.given.clear()
    again = await stand.crawl()
    assert (again.mode, again.fetched, again.indexed) == ("changes", 0, 0)
    assert stand.fake.count <= 3
    account = stand.fake.account
    old, *_ = account.by_time
    account.rename(old, NOW, "It has another name")
    account.annotate(old, NOW, "Root cause: a cache without a limit.")
    new = account.trigger(NOW, "A new one")
    await stand.crawl()
    await stand.check_truth()
    assert set(stand.index.given) == {old.id, new.id}
    assert stand.fake.requests["/incidents/{id}"] == 1
    assert stand.fake.requests["/incidents/{id}/notes"] <= 3


async def test_many_changes_are_read_in_pages(stand: Stand) -> None:
    """Where many old incidents changed, listing them again takes fewer requests than reading each."""
    await stand.crawl()
    stand.fake.requests.clear()
    account = stand.fake.account
    changed = account.by_time[100:200]
    for incident in changed:
        account.rename(incident, NOW, f"{incident.title}, as it was")
    run = await stand.crawl()
    assert run.fetched == 100
    assert stand.fake.requests["/incidents/{id}"] == 0
    assert stand.fake.requests["/incidents"] < 15
    await stand.check_truth()


async def test_again_reads_everything(stand: Stand) -> None:
    """Asked to, it reads all of history once more, and finds it unchanged."""
    await stand.crawl()
    events = await stand.pool.fetchval("SELECT count(*) FROM events_raw")
    run = await stand.crawl(again=True)
    assert (run.mode, run.fetched, run.indexed, run.unchanged) == ("full", 250, 250, 250)
    assert await stand.pool.fetchval("SELECT count(*) FROM events_raw") == events


async def test_what_is_new_counts_as_changed(stand: Stand) -> None:
    """A document that the live worker made before the crawl came to it belongs to an incident that was new all the same."""

    async def after_the_worker(connection: Connection, incident_ids: list[str], /) -> Indexed:
        await stand.index(connection, incident_ids)
        return await stand.index(connection, incident_ids)

    async def crawl(selection: Selection) -> tuple[int, int]:
        run = await Crawler(stand.database_url, stand.api, after_the_worker).crawl(selection)
        return run.indexed, run.unchanged

    assert await crawl(Selection(limit=25)) == (25, 0)
    assert await crawl(Selection(limit=25)) == (25, 25)
    account = stand.fake.account
    account.annotate(account.by_time[-1], NOW, "Root cause: a full disk.")
    account.rename(account.by_time[-2], NOW, "It has another name")
    assert await crawl(Selection(limit=30)) == (30, 23)


async def test_changed_back(stand: Stand) -> None:
    """A title that was changed and changed back is what it is now; and what did not change again leaves no row."""
    incident = stand.fake.account.by_time[-1]
    stand.fake.account.annotate(incident, NOW, "first")
    note = incident.notes[-1]
    first, newest = incident.title, Selection(limit=3)
    texts = ["first", "second", "first", "second", "first"]
    for title, text in zip([first, "Renamed", first, "Renamed", first], texts, strict=True):
        incident.title = title
        note.content = text
        await stand.crawl(newest)
        events = await stand.events("pagerduty_snapshot")
        again = await stand.crawl(newest)
        assert again.unchanged == 3
        assert await stand.events("pagerduty_snapshot") == events
        row = await stand.pool.fetchrow("SELECT title FROM incidents WHERE id = $1", incident.id)
        content = await stand.pool.fetchval("SELECT content FROM incident_notes WHERE note_id = $1", note.id)
        assert row is not None
        assert (row["title"], content) == (title, text)


async def test_the_newest(stand: Stand) -> None:
    """A limit means the newest incidents, with all that belongs to them, and nothing of others."""
    run = await stand.crawl(Selection(limit=25))
    assert (run.fetched, run.indexed) == (25, 25)
    newest = {incident.id for incident in stand.fake.account.by_time[-25:]}
    assert set(stand.index.states) == newest
    assert {row["id"] for row in await stand.pool.fetch("SELECT id FROM incidents")} == newest
    logged = sum(len(stand.fake.account.incidents[incident_id].log) for incident_id in newest)
    assert await stand.events("pagerduty_api") == logged


async def test_a_window_and_statuses(stand: Stand) -> None:
    """Only incidents created in the window, to the second, and of the statuses are read."""
    account = stand.fake.account
    since, until = account.by_time[40].created_at, account.by_time[90].created_at
    await stand.crawl(Selection(since=since, until=until, limit=None))
    assert set(stand.index.states) == {incident.id for incident in account.by_time[40:90]}
    stand.index.states.clear()
    await stand.crawl(Selection(statuses=("triggered", "acknowledged"), limit=None))
    assert set(stand.index.states) == {i.id for i in account.incidents.values() if i.status != "resolved"}


async def test_few_of_a_window_cost_few_requests(stand: Stand) -> None:
    """A window is listed in whole pages, however few of it are wanted: those around it are asked for, too."""
    account = stand.fake.account
    since = account.by_time[100].created_at
    for hour in range(60):
        account.trigger(since + timedelta(hours=30, minutes=hour), "A bad day")
    await stand.crawl(Selection(since=since, until=since + timedelta(seconds=1), limit=1))
    assert set(stand.index.states) == {account.incidents[account.by_time[100].id].id}
    assert stand.fake.requests["/incidents"] <= 3


async def test_few_among_many_are_read_one_by_one(stand: Stand) -> None:
    """Where the account's log is long and the incidents are few, each one's own log is read."""
    oldest = stand.fake.account.by_time[:3]
    run = await stand.crawl(Selection(until=oldest[-1].created_at + timedelta(seconds=1), limit=None))
    assert run.fetched == 3
    assert stand.fake.requests["/incidents/{id}/log_entries"] == 3
    assert stand.fake.requests["/log_entries"] <= 2
    rows = await stand.pool.fetch("SELECT id, acknowledged_at FROM incidents")
    acknowledged = {incident.id: incident.times("acknowledge") for incident in oldest}
    assert {row["id"]: row["acknowledged_at"] for row in rows} == {
        key: times[0] if times else None for key, times in acknowledged.items()
    }


async def test_alerts_when_asked(stand: Stand) -> None:
    """Alerts are read where they are asked for, and kept with the incident."""
    await stand.crawl(Selection(limit=2, alerts=True))
    assert stand.fake.requests["/incidents/{id}/alerts"] == 2
    kept = await stand.pool.fetch(
        "SELECT payload->'alerts'->0->>'alert_key' AS key FROM events_raw WHERE event_type = 'incident'"
    )
    assert all(row["key"].startswith("key-") for row in kept)


async def test_alerts_of_everything(stand: Stand) -> None:
    """Alerts of everything are those of all of history, read before or not; some that fail keep nothing out."""
    stand.fake.account = generate(20, seed=2)
    await stand.crawl()
    bad = "|".join(incident.id for incident in stand.fake.account.by_time[5:9])
    stand.fake.faults = [fail(500, path=f"/incidents/({bad})/alerts", times=1000)]
    run = await stand.crawl(Selection(limit=None, alerts=True))
    assert (run.mode, run.fetched, run.indexed, run.failed) == ("full", 20, 20, 4)
    kept = "SELECT count(DISTINCT payload->'incident'->>'id') FROM events_raw WHERE payload->'alerts' IS NOT NULL"
    assert await stand.pool.fetchval(kept) == 16
    assert (await stand.crawl()).mode == "changes"


async def test_ten_thousand(stand: Stand, small_lists: None) -> None:
    """A history longer than PagerDuty's list is walked in windows, and a crowded one in halves."""
    account = generate(1_300, seed=5, days=400, noted=0.0)
    for number in range(700):
        account.trigger(NOW - timedelta(days=50, seconds=number * 700))
    stand.fake.account = account
    run = await stand.crawl()
    assert run.fetched == len(account.incidents) == len(stand.index.states)
    assert stand.fake.requests["/incidents"] < 2_000 / 99 + 20
    assert not run.reasons
    questions = [dict(query) for _, query in stand.fake.seen]
    assert max(int(query.get("offset", 0)) + int(query.get("limit", 25)) for query in questions) <= 1_000


async def test_rows_that_move(stand: Stand) -> None:
    """Incidents created and deleted while the pages are read make none of the others missing, and none double."""
    account, begun = stand.fake.account, set(stand.fake.account.incidents)

    def happen(path: str) -> None:
        count = stand.fake.requests["/incidents"]
        if path == "/incidents" and count in {3, 4}:
            for incident in account.by_time[-3:]:
                account.delete(incident)
        if path == "/incidents" and count == 5:
            account.trigger(NOW)

    stand.fake.before.append(happen)
    await stand.crawl()
    assert set(stand.index.states) >= begun & set(account.incidents)
    await stand.crawl()
    await stand.check_truth()
    assert len(account.gone) == 6


async def test_an_incident_that_vanishes(stand: Stand) -> None:
    """One that is deleted before its notes are read is counted as gone."""
    account = stand.fake.account
    victim = next(incident for incident in account.by_time if incident.notes)

    def happen(path: str) -> None:
        if path.endswith("/notes") and victim.id in account.incidents:
            account.delete(victim)

    stand.fake.before.append(happen)
    run = await stand.crawl()
    assert (run.gone, run.failed, run.fetched) == (1, 0, 250)
    await stand.check_truth()


async def test_what_was_deleted_leaves_the_memory(stand: Stand) -> None:
    """What PagerDuty has no longer is not found any more, but stays in the history; seen again, it is found again."""
    account = stand.fake.account
    crawler = Crawler(stand.database_url, stand.api)
    await crawler.crawl(ALL)
    noted = next(incident for incident in account.by_time if incident.notes)
    victims = [noted, account.by_time[5]]
    for victim in victims:
        account.delete(victim)
    run = await crawler.crawl(ALL, again=True)
    assert (run.gone, run.failed) == (2, 0)
    assert await _documents(stand) == set(account.incidents)
    assert await stand.pool.fetchval("SELECT count(*) FROM incidents") == 250
    assert (await crawler.crawl(ALL, again=True)).gone == 0
    for victim in victims:
        account.restore(victim)
    await crawler.crawl(ALL, again=True)
    assert await _documents(stand) == set(account.incidents)


async def test_another_account_deletes_nothing(stand: Stand) -> None:
    """A token that shows quite other incidents takes none of those known out of the memory."""
    crawler = Crawler(stand.database_url, stand.api)
    await crawler.crawl(ALL)
    known = await _documents(stand)
    for incident in list(stand.fake.account.by_time)[30:]:
        stand.fake.account.delete(incident)
    run = await crawler.crawl(ALL, again=True)
    assert run.gone == 0
    assert any("another account" in reason for reason in run.reasons)
    assert await _documents(stand) == known


async def _documents(stand: Stand) -> set[str]:
    rows = await stand.pool.fetch("SELECT id FROM search.documents")
    return {row["id"].removeprefix("pagerduty:incident:") for row in rows}


async def test_odd_contents(stand: Stand) -> None:
    """NUL, half characters, any size of text and number: each incident is read, whatever it holds."""
    account = Account()
    odd = [
        "a\x00b",
        "\ud83d half",
        "x" * 200_000,
        "<script>alert(1)</script>",
        "\u202eabc",
        "   ",
        "🔥" * 1000,
        "'; DROP TABLE incidents; --",
    ]
    for number, text in enumerate(odd):
        incident = account.trigger(NOW - timedelta(hours=number + 1), text[:1000])
        account.annotate(incident, NOW - timedelta(hours=number), text)
    stand.fake.account = account
    run = await stand.crawl()
    assert (run.fetched, run.indexed, run.failed) == (len(odd), len(odd), 0)
    notes = {row["content"] for row in await stand.pool.fetch("SELECT content FROM incident_notes")}
    assert {"a\ufffdb", "\ufffd half", "x" * 200_000} <= notes


async def test_what_cannot_be_stored_is_counted(stand: Stand) -> None:
    """A row that PostgreSQL refuses fails alone, with its reason."""
    account = Account()
    fine, deep = account.trigger(NOW - timedelta(hours=1)), account.trigger(NOW - timedelta(hours=2))
    details: object = 1
    for _ in range(900):
        details = [details]
    account.add(deep, "x" * 300, NOW - timedelta(minutes=5), None, details=details)
    account.add(deep, "y" * 2000, NOW - timedelta(minutes=4), None)
    stand.fake.account = account
    run = await stand.crawl()
    assert (run.fetched, run.failed) == (2, 1)
    assert run.reasons == ["A log entry has no type."]
    assert {fine.id, deep.id} == set(stand.index.states)


async def test_notes_that_fail_are_read_by_the_next_crawl(stand: Stand) -> None:
    """An incident whose notes cannot be read is indexed without, told of, and completed the next time."""
    noted = next(incident for incident in reversed(stand.fake.account.by_time) if incident.notes)
    stand.fake.faults = [fail(500, path=f"/incidents/{noted.id}/notes", times=6)]
    run = await stand.crawler().crawl(ALL)
    assert (run.failed, run.indexed) == (1, 250)
    assert any("/notes" in reason for reason in run.reasons)
    await stand.crawl()
    await stand.check_truth()
    assert await stand.pool.fetchval("SELECT count(*) FROM crawl_failures") == 0


async def test_an_incident_that_cannot_be_read_stops_no_others(stand: Stand) -> None:
    """A changed incident that PagerDuty cannot show is told of, and read by the next crawl."""
    await stand.crawl()
    account = stand.fake.account
    broken, fine = account.by_time[3], account.by_time[5]
    for incident in (broken, fine):
        account.rename(incident, NOW, "Renamed")
    stand.fake.faults = [fail(500, path=f"/incidents/{broken.id}", times=6)]
    run = await stand.crawl()
    assert (run.fetched, run.failed) == (1, 1)
    assert (await stand.crawl()).fetched == 1
    await stand.check_truth()


async def test_rate_limit(stand: Stand) -> None:
    """Requests stay within what PagerDuty's answers allow, and a 429 is waited out, with headers or without."""
    stand.fake.account = generate(60, seed=2)
    stand.fake.rate_limit, stand.fake.rate_seconds = 25, 1.0
    await stand.crawl()
    await stand.check_truth()
    assert stand.fake.limited == 0
    stand.fake.tells_limits = False
    run = await stand.crawl(again=True)
    assert stand.fake.limited > 0
    assert run.fetched == 60


@pytest.mark.parametrize("headers", [{"retry-after": "1"}, {"ratelimit-reset": "1"}, {}])
async def test_429_is_obeyed(stand: Stand, headers: dict[str, str]) -> None:
    """After a 429 nothing is asked before the time that it names."""
    stand.fake.account = generate(5, seed=2)
    stand.fake.faults = [say(429, b"", headers, path="/incidents", skip=1, times=2)]
    await stand.crawl()
    await stand.check_truth()


async def test_empty_account(stand: Stand) -> None:
    """An account without incidents is a history that has been read."""
    stand.fake.account = Account()
    run = await stand.crawl()
    assert (run.fetched, run.indexed) == (0, 0)
    incident = stand.fake.account.trigger(NOW)
    await stand.crawl()
    assert set(stand.index.states) == {incident.id}


async def test_crowded_day(stand: Stand, small_lists: None) -> None:
    """More incidents in a day than can be listed are told of, and what can be listed is read."""
    account = Account()
    noon = NOW.replace(hour=12, minute=0, second=0) - timedelta(days=3)
    for number in range(1_100):
        account.trigger(noon + timedelta(seconds=number % 7200))
    stand.fake.account = account
    run = await stand.crawl()
    assert run.fetched >= 1_000
    assert any("1000" in reason for reason in run.reasons)
    assert stand.fake.requests["/incidents"] < 60


async def test_upstream_down(stand: Stand) -> None:
    """When PagerDuty stops answering, what was read is kept and in the index, and the next crawl goes on from there."""
    stand.fake.faults = [fail(503, path="/log_entries", skip=4, times=1000)]
    with pytest.raises(RetriableError):
        await stand.crawler().crawl(ALL)
    assert len(stand.index.states) == 250
    failed = await stand.pool.fetchrow("SELECT * FROM crawl_runs")
    assert failed is not None
    assert (failed["state"], failed["fetched"]) == ("failed", 250)
    stand.fake.faults.clear()
    stand.fake.requests.clear()
    run = await stand.crawl()
    assert (run.id, run.fetched, run.indexed) == (failed["id"], 250, 250)
    assert stand.fake.requests["/incidents"] == 0
    await stand.check_truth()
