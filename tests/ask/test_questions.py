"""What questions are understood to ask."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.ask.names import Names, mentioned
from em_agent.ask.questions import Question, read_question

NAMES = Names(
    services=["Production Database", "Checkout API", "Checkout Web", "Search", "Payments", "billing-worker", "Ledger"],
    teams=["Storage", "Site Reliability", "Payments"],
    priorities=["P1", "P2", "SEV-3"],
)
NOW = datetime(2026, 4, 1, 10, 30, tzinfo=UTC)


def read(text: str) -> Question:
    """The question as it is understood."""
    return read_question(text, NAMES, ZoneInfo("Europe/Berlin"), NOW)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("what caused the database outage last week?", "cause"),
        ("Why did checkout fail on Monday?", "cause"),
        ("root cause of the login problems", "cause"),
        ("what was the reason for the 500 errors", "cause"),
        ("what brought the queue down?", "cause"),
        ("What led to duplicate e-mails?", "cause"),
        ("what may have caused the second outage", "cause"),
        ("What made customers see stale prices?", "cause"),
        ("how come invoices were sent twice?", "cause"),
        ("how did we fix the certificate problem?", "fix"),
        ("how was the database outage resolved", "fix"),
        ("what do I do when the disk is full?", "fix"),
        ("How do I get the importer running again?", "fix"),
        ("what fixed the memory leak?", "fix"),
        ("what did we do about the failing deploys?", "fix"),
        ("is there a workaround for the slow exports", "fix"),
        ("how were the stuck jobs cleared?", "fix"),
        ("how to restore a replica", "fix"),
        ("why do we keep having database issues?", "recurring"),
        ("what are our recurring causes?", "recurring"),
        ("what are the most common causes of incidents this year", "recurring"),
        ("which problems recur? show recurring incidents", "recurring"),
        ("why does the queue back up again and again?", "recurring"),
        ("what was our MTTR last month?", "number"),
        ("MTTA for Checkout API", "number"),
        ("how many incidents did we have in March?", "number"),
        ("how long does it take us to resolve incidents?", "number"),
        ("median time to acknowledge P1s", "number"),
        ("p90 resolution time by service", "number"),
        ("how often were incidents reopened", "number"),
        ("which service had the most incidents?", "number"),
        ("Compare MTTR of this month with last month", "number"),
        ("how long did the checkout outage take to resolve?", "incident"),
        ("when was the database outage acknowledged?", "incident"),
        ("what caused #42?", "cause"),
        ("#42", "incident"),
        ("tell me about incident 42", "incident"),
        ("https://acme.pagerduty.com/incidents/Q2R4T6Y8", "incident"),
        ("which incidents were about DNS?", "list"),
        ("what happened last week?", "list"),
        ("open incidents", "list"),
        ("any outages yesterday?", "list"),
        ("show me the incidents of the Storage team", "list"),
        ("have we seen this before: connection refused from redis", "similar"),
        ("Has this happened before: disk full on db-3", "similar"),
        ("incidents similar to #42", "similar"),
        ("connection reset by peer", "search"),
        ("🔥🔥🔥", "search"),
    ],
)
def test_intents(text: str, intent: str) -> None:
    """Each question is taken for what it asks."""
    assert read(text).intent == intent


@pytest.mark.parametrize(
    ("text", "incident"),
    [
        ("what caused #42?", "42"), ("incident 42", "42"), ("incident number 1234 please", "1234"), ("inc #7", "7"),
        ("PABC123 what happened", "PABC123"), ("https://acme.pagerduty.com/incidents/Q2R4T6Y8?x=1", "Q2R4T6Y8"),
        ("pagerduty:incident:P77XYZ1", "P77XYZ1"),
        ("the 500 errors", None), ("PAYMENTS is down", None), ("5 incidents", None), ("incidents 2025", None),
        ("&#42;", None), ("color #42ab", None), ("issue at path/#4", None), ("a 99.9% incident 99.9%", None),
    ],
)  # fmt: skip
def test_incidents(text: str, incident: str | None) -> None:
    """An incident is named by its number, its id or its link, and by nothing that only looks like one."""
    assert read(text).incident == incident


@pytest.mark.parametrize(
    ("text", "measures"),
    [
        ("what was our MTTR last month?", [("time_to_resolve_seconds", None)]),
        ("average MTTA", [("time_to_acknowledge_seconds", "mean")]),
        ("MTTA and MTTR of March", [("time_to_acknowledge_seconds", None), ("time_to_resolve_seconds", None)]),
        ("p90 time to acknowledge", [("time_to_acknowledge_seconds", "p90")]),
        ("95th percentile time to resolve", [("time_to_resolve_seconds", "p95")]),
        ("how many incidents did we have", [("incidents", None)]),
        ("how many incidents were reopened?", [("reopened", None)]),
        ("how many incidents are still open?", [("open", None)]),
        ("how many were escalated in May", [("escalated", None)]),
        ("how long do incidents last?", [("time_to_resolve_seconds", None)]),
        ("how fast do we acknowledge?", [("time_to_acknowledge_seconds", None)]),
        ("number of outages by week", [("incidents", None)]),
    ],
)
def test_measures(text: str, measures: list[tuple[str, str | None]]) -> None:
    """A question about numbers names the figures and statistics that it wants."""
    assert [(measure.field, measure.statistic) for measure in read(text).measures] == measures


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("MTTR of the Production Database", ["Production Database"]),
        ("MTTR of the prodution databse", ["Production Database"]),
        ("how many incidents on billing-worker", ["billing-worker"]),
        ("how many incidents had the billing worker", ["billing-worker"]),
        ("MTTR of checkout", ["Checkout API", "Checkout Web"]),
        ("MTTR of Checkout API", ["Checkout API"]),
        ("how many incidents in Search", ["Search"]),
        ("how many incidents of the paymnets service", ["Payments"]),
        ("MTTR last month", []),
        ("what caused the Production Database outage", ["Production Database"]),
        ("what caused the database outage", []),
        ("why did search fail", []),
        ("why did the search service fail", ["Search"]),
        ("why was the ledger wrong", []),
    ],
)
def test_services(text: str, services: list[str]) -> None:
    """Services are found by name, part of a name or misspelling; a search is narrowed only by what is clear."""
    assert list(read(text).filters.services) == services


def test_doubts_are_said() -> None:
    """What may mean several services, or was misspelt, is said."""
    assert read("MTTR of checkout").notes == (
        '"checkout" may be any of the services Checkout API and Checkout Web: all of them are counted.',
    )
    assert read("MTTR of the prodution databse").notes == (
        'I took "prodution databse" for the service Production Database.',
    )
    assert read("MTTR of Checkout API").notes == ()


def test_other_filters() -> None:
    """Teams, priorities, urgencies and states are understood."""
    question = read("how many high-urgency P1 incidents did the storage team have last month?")
    assert question.filters.teams == ("Storage",)
    assert question.filters.priorities == ("P1",)
    assert question.filters.urgencies == ("high",)
    assert read("sev3 incidents").filters.priorities == ("SEV-3",)
    assert read("open incidents").filters.statuses == ("triggered", "acknowledged")
    assert read("the 99.9% P99 latency").filters.priorities == ()
    assert mentioned("team payments", NAMES.teams, kind="team").is_clear


def test_grouping_and_comparison() -> None:
    """What to group by and what to compare with is understood."""
    assert read("MTTR by service and week last quarter").group_by == ("service",)
    assert read("which team had the most incidents").group_by == ("team",)
    compared = read("compare MTTR of this month with last month")
    assert compared.is_compared
    assert compared.period is not None
    assert compared.other_period is not None
    assert compared.other_period.words == "last month"
    assert read("is our MTTR better than the month before?").is_compared


def test_the_topic_has_no_time() -> None:
    """The words of the time phrase are no part of what is searched for."""
    question = read("what caused the database outage last week?")
    assert question.topic == "what caused the database outage ?"
    assert question.words == ("database",)
    assert question.period is not None
    assert question.period.words == "last week"
    joined = read("which incidents in January and February were about disks?")
    assert joined.period is not None
    assert joined.period.words == "in January and February"


@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    """Any text is a question."""
    read(text)


@pytest.mark.parametrize(
    ("text", "intent", "statuses"),
    [
        ("is anything on fire right now?", "list", ("triggered", "acknowledged")),
        ("what's broken?", "list", ("triggered", "acknowledged")),
        ("who fixed the last checkout outage?", "fix", ()),
    ],
)
def test_as_people_say_it(text: str, intent: str, statuses: tuple[str, ...]) -> None:
    """What is on fire is what is open, and whoever fixed it is found with the fix."""
    question = read_question(text, Names(), ZoneInfo("UTC"), datetime(2026, 4, 1, tzinfo=UTC))
    assert (question.intent, question.filters.statuses) == (intent, statuses)


def test_like_a_number() -> None:
    """An incident's number needs no mark where nothing else can be meant."""
    question = read_question("incidents similar to 1918", Names(), ZoneInfo("UTC"), datetime(2026, 4, 1, tzinfo=UTC))
    assert (question.intent, question.incident) == ("similar", "1918")
