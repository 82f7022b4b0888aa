"""From the slash command to the message."""

import json
from functools import partial
from urllib.parse import urlencode

import pytest

from em_agent.kit.postgres import Pool
from em_agent.slack.answers.found import Alike
from tests.fake_slack import FakeSlack, Said
from tests.parts import Gateway
from tests.slack.happenings import happened, noted, tell
from tests.slack.part import Answering
from tests.waiting import eventually


async def answer_to(slack: FakeSlack, app: Gateway, text: str) -> Said:
    """What whoever gives the command sees."""
    before = len(slack.conversations.said)
    ack = await slack.command(app.url, text)
    assert ack.is_timely
    assert ack.body == b""
    said: Said = await eventually(lambda: slack.conversations.said[before:] and slack.conversations.said[-1])
    assert said.visible_to == "UASKER"
    assert slack.problems == []
    return said


@pytest.mark.usefixtures("answering")
async def test_help(slack: FakeSlack, app: Gateway) -> None:
    """`help`, and no word at all, say what can be asked."""
    for text in ("help", "", "   "):
        said = await answer_to(slack, app, text)
        assert "/em-agent mttr [service] [period]" in said.words
        assert said.button("Share") is None


@pytest.mark.usefixtures("answering")
async def test_unknown_sub_command(slack: FakeSlack, app: Gateway) -> None:
    """An unknown sub-command is answered with the one that was probably meant."""
    said = await answer_to(slack, app, "incidnets checkout")
    assert "Did you mean /em-agent incidents?" in said.words
    assert "Did you mean /em-agent incident 42?" in (await answer_to(slack, app, "42")).words
    assert (
        "Did you mean /em-agent ask why did checkout break?"
        in (await answer_to(slack, app, "why did checkout break?")).words
    )
    assert "Did you mean" not in (await answer_to(slack, app, "xyzzy")).words


@pytest.mark.usefixtures("answering")
async def test_incident(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """`incident <number>` shows state, times, and each note apart with its author and the link."""
    await tell(
        pool, happened("triggered"), happened("acknowledged", seconds=60), noted("Restarted the primary.", seconds=90),
        happened("resolved", seconds=1800),
    )  # fmt: skip
    said = await answer_to(slack, app, "incident 42")
    assert "The database is down" in said.words
    assert "resolved after 30 min" in said.words
    quotes = [part for block in said.blocks for part in block.get("elements", []) if part["type"] == "rich_text_quote"]
    assert [quote["elements"][0]["text"] for quote in quotes] == ["Restarted the primary."]
    assert "Ada" in said.words
    assert "https://acme.pagerduty.com/incidents/PINC1" in json.dumps(said.blocks)
    assert "The database is down" in said.text
    assert "> Restarted the primary" in said.text


@pytest.mark.usefixtures("answering")
async def test_issues_of_an_incident(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """`incident <number>` shows its issues with their address and state; nothing in them rings or leads elsewhere."""
    await tell(pool, happened("triggered"))
    await pool.execute(
        "CREATE TABLE warehouse.fct_incidents AS SELECT 'PINC1' AS incident_id, 'S' AS service_key, 'K' AS title_key, "
        "timestamptz '2026-01-01' AS triggered_at UNION ALL SELECT 'PINC2', 'S', 'K', '2026-02-02'; "
        "CREATE TABLE warehouse.fct_incident_issues AS SELECT 'PINC1' AS incident_id, k AS issue_key, 'key' AS how "
        "FROM unnest(ARRAY['jira:1', 'jira:2']) AS k; "
        "CREATE TABLE warehouse.fct_issues AS SELECT 'jira:1' AS issue_key, 'jira' AS source, 'CHK-1' AS key, "
        "'https://acme.example/browse/CHK-1' AS url, 'Fix *it* <!channel>' AS title, 'Shipped' AS status, true AS is_done, "
        "timestamptz '2026-01-01' AS created_at, timestamptz '2026-02-01' AS done_at "
        "UNION ALL SELECT 'jira:2', 'jira', NULL, 'javascript:alert(1)', NULL, NULL, false, NULL, NULL"
    )
    said = await answer_to(slack, app, "incident 42")
    words = " ".join(said.words.split())
    assert "CHK-1 Fix *it* <!channel> (Shipped; came back 1 time within 90 days)" in words
    assert "jira:2 (open)" in words
    shown = json.dumps(said.blocks)
    assert '"url": "https://acme.example/browse/CHK-1"' in shown
    assert "javascript" not in shown
    assert "Issues: jira:2 (open), CHK-1 (Shipped; came back 1 time within 90 days)" in said.text


@pytest.mark.usefixtures("answering")
async def test_incident_that_is_none(slack: FakeSlack, app: Gateway) -> None:
    """A number that belongs to nothing is said to."""
    assert "There is no incident '4711'" in (await answer_to(slack, app, "incident 4711")).words
    assert "by its number" in (await answer_to(slack, app, "incident")).words


@pytest.mark.usefixtures("answering")
async def test_incidents(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """`incidents` lists the newest first, of a service, a state and a time if they are named."""
    await tell(
        pool,
        happened("triggered", "P1", number=1, title="One"),
        happened("triggered", "P2", 60, number=2, title="Two"),
        happened("resolved", "P2", 90, number=2, title="Two"),
    )
    every = await answer_to(slack, app, "incidents")
    assert every.words.index("Two") < every.words.index("One")
    assert "2 incidents" in every.words
    still_open = await answer_to(slack, app, "incidents production open")
    assert "One" in still_open.words
    assert "Two" not in still_open.words
    assert "1 open incident of Production Database" in still_open.words
    assert "There are no incidents, triggered" in (await answer_to(slack, app, "incidents 2d")).words
    unknown = await answer_to(slack, app, "incidents Producton Databse")
    assert "Did you mean “Production Database”?" in unknown.words


@pytest.mark.usefixtures("answering")
async def test_many_incidents_come_in_pages(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """*Show more* adds a page in the place of the message, until there is no more."""
    await tell(pool, *(happened("triggered", f"P{n}", n, number=n, title=f"Incident no. {n}") for n in range(1, 61)))
    said = await answer_to(slack, app, "incidents")
    assert "The newest 40 incidents" in said.words
    assert "Incident no. 53 " in f"{said.words} "
    assert "no. 52" not in said.words
    clicks = 0
    while said.button("Show more") is not None:
        clicks += 1
        seen = len(said.versions)
        assert (await slack.click(app.url, said, "Show more")).is_timely
        await eventually(partial(_has_changed, said, seen))
    assert clicks == 4
    assert "Incident no. 21" in said.words
    assert len(slack.conversations.said) == 1
    assert slack.problems == []


@pytest.mark.usefixtures("answering")
async def test_mttr_without_numbers(slack: FakeSlack, app: Gateway) -> None:
    """`mttr` says the window and the number of incidents, also when there is none."""
    said = await answer_to(slack, app, "mttr week")
    assert "all services" in said.words
    assert "(UTC), by time of trigger" in said.words
    assert "none has one (n = 0)" in said.words
    assert "0 resolved incidents" in said.text


async def test_similar(slack: FakeSlack, app: Gateway, answering: Answering, pool: Pool) -> None:
    """`similar <number>` names past incidents with what was written of them."""
    await tell(pool, happened("triggered"))
    answering.finder.found = [
        Alike("P7", "#7 Database pool exhausted", "https://pd.example/P7", "Raised the pool to 50.")
    ]
    said = await answer_to(slack, app, "similar #42")
    assert "#7 Database pool exhausted" in said.words
    assert "Raised the pool to 50." in said.words
    assert "Pool exhausted".lower() in said.text.lower()


async def test_ask(slack: FakeSlack, app: Gateway, answering: Answering) -> None:
    """`ask` passes the question on as it was meant, and quotes the sources apart."""
    said = await answer_to(slack, app, "ask what broke &lt;checkout&gt; &amp; why?")
    assert answering.teller.asked == [("what broke <checkout> & why?", None)]
    assert "The pool was too small." in said.words
    assert "Cause" in said.words
    assert "Ask something" in (await answer_to(slack, app, "ask   ")).words


@pytest.mark.usefixtures("answering")
async def test_share_once(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """*Share* posts the answer for everybody once, naming who shared it, however often it is clicked."""
    await tell(pool, happened("triggered"))
    said = await answer_to(slack, app, "incident 42")
    payload = slack.click_payload(said, "Share")
    body = urlencode({"payload": json.dumps(payload)}).encode()
    for _ in range(3):  # the same click, delivered again
        assert (await slack.send(app.url, "/slack/interactions", body)).is_timely
    again = slack.click_payload(said, "Share")  # another click on what still shows the button
    assert (
        await slack.send(app.url, "/slack/interactions", urlencode({"payload": json.dumps(again)}).encode())
    ).is_timely
    await eventually(lambda: said.button("Share") is None)
    await eventually(lambda: _unfinished(pool))
    [shared] = slack.conversations.public()
    assert "The database is down" in shared.words
    assert "Shared by ada" in shared.text
    assert {"type": "user", "user_id": "UASKER"} in [
        e for b in shared.blocks for p in b.get("elements", []) for e in p.get("elements", [])
    ]
    assert "Shared with this conversation" in said.words
    assert slack.problems == []


def _has_changed(said: Said, seen: int) -> bool:
    return len(said.versions) > seen


async def _unfinished(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT count(*) = 0 FROM slack_jobs WHERE finished_at IS NULL"))
