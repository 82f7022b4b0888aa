"""A small account of PagerDuty's, and what crawls it."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiolimiter import AsyncLimiter

from em_agent.connectors.crawl import Crawler
from em_agent.connectors.selection import Selection
from em_agent.events.crawls import CrawlRun
from em_agent.integrations.pagerduty import paging
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.kit.postgres import Connection, Pool
from em_agent.search.store import Indexed
from tests.fake_pagerduty import ADMIN, FakePagerDuty, answers, generate, pagerduty_on

ALL = Selection(limit=None)


@dataclass
class Index:
    """An index that remembers which state of each incident it was given, and how often."""

    states: dict[str, str] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)

    async def __call__(self, connection: Connection, incident_ids: list[str], /) -> Indexed:
        rows = await connection.fetch(
            "SELECT id, incidents::text AS state FROM incidents WHERE id = ANY($1)", incident_ids
        )
        notes = await connection.fetch(
            "SELECT incident_id, content FROM incident_notes WHERE incident_id = ANY($1) ORDER BY 1, at", incident_ids
        )
        written = 0
        for row in rows:
            state = row["state"] + "".join(note["content"] for note in notes if note["incident_id"] == row["id"])
            written += self.states.get(row["id"]) != state
            self.states[row["id"]] = state
            self.given[row["id"]] += 1
        return Indexed(written, len(rows) - written)


@dataclass
class Stand:
    """A fake account, a database, and crawlers of the one into the other."""

    fake: FakePagerDuty
    database_url: str
    pool: Pool
    index: Index = field(default_factory=Index)

    def api(self, token: str = ADMIN, **options: Any) -> PagerDutyApi:
        """A client that is quick to try again."""
        settings: dict[str, Any] = {
            "first_wait_seconds": 0.01,
            "answer_seconds": 2.0,
            "patience_seconds": 20.0,
            "pace": AsyncLimiter(100_000, 1),
        }
        return PagerDutyApi(self.fake.url, token, **{**settings, **options})

    def crawler(self, token: str = ADMIN, *, lock_seconds: float = 10.0, **options: Any) -> Crawler:
        """A crawler with such a client."""
        open_api: Callable[[], PagerDutyApi] = lambda: self.api(token, **options)  # noqa: E731
        return Crawler(self.database_url, open_api, self.index, lock_seconds)

    async def crawl(self, selection: Selection = ALL, token: str = ADMIN, **options: Any) -> CrawlRun:
        """A crawl that has to end well."""
        run = await self.crawler(token).crawl(selection, **options)
        assert run.state == "done"
        return run

    async def check_truth(self) -> None:
        """Every incident of the account is here with its times and notes as they are, and in the index."""
        rows = {row["id"]: row for row in await self.pool.fetch("SELECT * FROM incidents")}
        account = self.fake.account
        assert set(rows) >= set(account.incidents)
        assert set(self.index.states) >= set(account.incidents)
        notes = await self.pool.fetch("SELECT incident_id, note_id, content FROM incident_notes")
        found = {(note["incident_id"], note["note_id"], note["content"]) for note in notes}
        assert len(found) == len(notes)
        assert found >= {
            (incident.id, note.id, note.content) for incident in account.incidents.values() for note in incident.notes
        }
        for incident in account.incidents.values():
            row = rows[incident.id]
            acknowledged, resolved = incident.times("acknowledge"), incident.times("resolve")
            assert row["triggered_at"] == incident.created_at
            assert row["acknowledged_at"] == (acknowledged[0] if acknowledged else None)
            assert row["resolved_at"] == (resolved[-1] if incident.status == "resolved" else None)
            assert row["status"] == incident.status
            assert row["title"] == incident.title
            assert row["escalation_count"] == len(incident.times("escalate"))
            assert row["is_merged"] == (incident.merged_into is not None)
            assert row["reopen_count"] == max(0, len(resolved) - 1)

    async def events(self, source: str) -> int:
        """How many events of the source are recorded."""
        count: int = await self.pool.fetchval("SELECT count(*) FROM events_raw WHERE source = $1", source)
        return count


@pytest.fixture
async def stand(database_url: str, pool: Pool) -> AsyncIterator[Stand]:
    """An account of 250 incidents in a year."""
    async with pagerduty_on(FakePagerDuty(generate(250, seed=3))) as fake:
        yield Stand(fake, database_url, pool)


@pytest.fixture
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """PagerDuty lists a thousand rows at most, so that more take no ten thousand."""
    monkeypatch.setattr(paging, "CAP", 1_000)
    monkeypatch.setattr(answers, "CAP", 1_000)
