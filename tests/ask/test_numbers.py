"""Questions about numbers are answered from the metrics."""

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from em_agent.ask.answers import Answer, day_range, span
from em_agent.ask.asker import Asker
from em_agent.kit.postgres import open_pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.query import Search
from tests.marts import Transformer, body, database_url, execute, store, transformer  # noqa: F401

NOW = datetime(2026, 4, 1, 10, 30, tzinfo=UTC)


def at(text: str) -> datetime:
    """The time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def incident(
    number: int, service: str, trigger: str, acknowledged: str | None, resolved: str | None
) -> list[tuple[str, str, datetime, datetime]]:
    """The events of an incident."""
    data = {
        "id": f"P{number}", "number": number, "title": f"Incident {number}", "urgency": "high",
        "service": {"id": f"S-{service}", "summary": service},
    }  # fmt: skip
    moments = [("triggered", trigger), ("acknowledged", acknowledged), ("resolved", resolved)]
    return [
        (f"{number}-{kind}", body(f"incident.{kind}", data), at(moment), at(moment))
        for kind, moment in moments
        if moment
    ]


@pytest.fixture
def answers(database_url: str, transformer: Transformer) -> "Answers":  # noqa: F811
    """What asks over a few incidents of February and March."""
    store(database_url, [
        *incident(1, "Checkout API", "2026-03-02T10:00:00", "2026-03-02T10:01:00", "2026-03-02T10:30:00"),
        *incident(2, "Checkout API", "2026-03-09T10:00:00", "2026-03-09T10:03:00", "2026-03-09T11:30:00"),
        *incident(3, "Search", "2026-03-16T10:00:00", None, None),
        *incident(4, "Search", "2026-02-16T10:00:00", "2026-02-16T10:01:00", "2026-02-16T10:10:00"),
    ])  # fmt: skip
    transformer.run()
    execute(
        database_url,
        "INSERT INTO incidents (id, service, reopen_count, escalation_count, is_merged, is_auto_resolved, last_event_at) "
        "SELECT s, s, 0, 0, false, false, now() FROM unnest(ARRAY['Checkout API', 'Search']) AS s",
    )
    return Answers(database_url)


class Answers:
    """Asks the database's asker."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, question: str, zone: str = "UTC") -> Answer:
        async def run() -> Answer:
            async with open_pool(self.url, name="test", size=2) as pool:
                asker = Asker(Search(pool, None), IncidentMeter(pool), pool, timezone=ZoneInfo(zone))
                return await asker.ask(question, NOW)

        return asyncio.run(run())


def test_numbers(answers: Answers) -> None:
    """A figure comes with its window, zone, clock, sample and freshness, and leads to the incidents behind it."""
    answer = answers("what was our MTTR last month?", "Europe/Berlin")
    assert not answer.abstained
    assert "1 Mar 2026 to 31 Mar 2026 (Europe/Berlin)" in answer.answer
    assert "mean 1 h 0 min" in answer.answer
    assert "over 2 resolved of 3 incidents" in answer.answer
    assert "clock (occurred)" in answer.answer
    assert "16 Mar 2026 11:00 CET" in answer.answer
    metric, behind = answer.citations
    assert metric.url == (
        "/v1/metrics/incidents?since=2026-02-28T23%3A00%3A00Z&until=2026-03-31T22%3A00%3A00Z&timezone=Europe%2FBerlin"
    )
    assert behind.url is not None
    assert behind.url.startswith("/v1/incidents?since=2026-02-28T23%3A00%3A00Z")

    answer = answers("median time to acknowledge of Checkout API in March")
    assert "median 2 min" in answer.answer
    assert "Incidents of service Checkout API" in answer.answer
    assert answer.filters == {"service": ("Checkout API",)}

    assert "Incidents: 3 (2 resolved, 1 open)" in answers("how many incidents did we have in March?").answer
    assert "Incidents: 0" in answers("how many incidents did we have in January?").answer
    assert not answers("how many incidents did we have in January?").abstained
    assert "Incidents: 4" in answers("how many incidents before April?").answer

    answer = answers("what was the MTTR in January?")
    assert answer.abstained
    assert "unknown" in answer.answer

    answer = answers("MTTR of March compared with February")
    assert "mean 1 h 0 min" in answer.answer
    assert "mean 10 min" in answer.answer
    assert "1 Feb 2026 to 28 Feb 2026" in answer.answer

    answer = answers("which service had the most incidents in March?")
    lines = [line.strip() for line in answer.answer.splitlines()]
    assert lines.index("Checkout API: Incidents: 2 (2 resolved, 0 open)") < lines.index(
        "Search: Incidents: 1 (0 resolved, 1 open)"
    )

    answer = answers("how many incidents with certificates did we have in March?")
    assert "not narrowed to certificates" in answer.answer

    answer = answers("is our MTTR this month better than the month before?")
    assert "The window of the same length before" in answer.answer


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (95.2, "1 min 35 s"),
        (3600, "1 h 0 min"),
        (90_000, "25 h 0 min"),
        (200_000, "2 d 7 h"),
        (-30, "-30 s"),
    ],
)
def test_spans(seconds: float | None, text: str) -> None:
    """A duration is told as people say it."""
    assert span(seconds) == text


def test_windows() -> None:
    """Whole days are named by their dates, both included; others by their times."""
    zone = ZoneInfo("Europe/Berlin")
    march = datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert day_range(*march, zone) == "1 Mar 2026 to 31 Mar 2026 (Europe/Berlin)"
    assert day_range(march[0], datetime(2026, 3, 1, 23, tzinfo=UTC), zone) == "1 Mar 2026 (Europe/Berlin)"
    assert day_range(march[0], NOW, zone) == "1 Mar 2026 00:00 to 1 Apr 2026 12:30 (Europe/Berlin)"
    assert day_range(None, march[0], zone) == "before 1 Mar 2026 00:00 (Europe/Berlin)"
