"""Channels hear of incidents: once, in order, at Slack's pace, and of what becomes of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from em_agent.incidents import store
from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.slack import pace
from em_agent.slack.announce import announcer as announcing
from em_agent.slack.announce import told
from em_agent.slack.announce.announcer import Announcer
from em_agent.slack.announce.rules import Rule
from em_agent.slack.announce.teller import Teller
from em_agent.slack.answers.found import Alike
from em_agent.slack.answers.sources import Sources
from em_agent.slack.client import open_slack
from em_agent.slack.pace import Pace
from em_agent.slack.poster import Poster
from tests.fake_slack import FakeSlack, Said, live_markup
from tests.fake_slack import Rule as Fault
from tests.fake_slack.server import BOT_TOKEN
from tests.parts import running
from tests.slack.happenings import happened, noted, tell
from tests.slack.part import StandInFinder, StandInTeller
from tests.waiting import eventually

EVERYTHING = (Rule("CALL"),)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's pace and ours, ten times as fast."""
    monkeypatch.setattr(pace, "POST_SECONDS", 0.1)
    monkeypatch.setattr(pace, "UPDATE_SECONDS", 0.1)
    monkeypatch.setattr(announcing, "SETTLE", timedelta(seconds=0.4))
    monkeypatch.setattr(announcing, "DEBOUNCE", timedelta(seconds=0.2))
    monkeypatch.setattr(announcing, "POLL_SECONDS", 0.2)


@asynccontextmanager
async def announcing_on(
    database_url: str,
    pool: Pool,
    slack: FakeSlack,
    rules: tuple[Rule, ...] = EVERYTHING,
    finder: StandInFinder | None = None,
) -> AsyncIterator[Announcer]:
    """What announces, once it is at work."""
    sources = Sources(pool, IncidentMeter(pool), ZoneInfo("UTC"), StandInTeller(), finder or StandInFinder())
    async with open_slack(BOT_TOKEN, slack.url) as client:
        part = Announcer(database_url, pool, rules, Teller(pool, Poster(client, Pace()), sources))
        async with running(part.run()):
            await eventually(lambda: part.is_well)
            yield part


def now() -> datetime:
    """The present, which new incidents are of."""
    return datetime.now(UTC)


async def is_told(pool: Pool) -> bool:
    """Whether nothing is left to tell."""
    return bool(await pool.fetchval("SELECT count(*) = 0 FROM slack_pending"))


def roots(slack: FakeSlack, channel: str = "CALL") -> list[Said]:
    """The messages of the channel, without threads."""
    return slack.conversations.public(channel)


async def test_a_life(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """A new incident is one message, edited in place; its thread names similar ones first, then each change."""
    finder = StandInFinder(
        [Alike("P7", "#7 Pool exhausted", "https://pd.example/P7", "Raised the pool.", "resolution", "Bo")]
    )
    at = now()
    async with announcing_on(database_url, pool, slack, finder=finder):
        await tell(pool, happened("triggered", at=at, number=42, title="The <!channel> *database* is down"))
        [root] = await eventually(lambda: roots(slack))
        await eventually(lambda: is_told(pool))
        await tell(
            pool, happened("acknowledged", seconds=1, at=at, number=42, title="The <!channel> *database* is down")
        )
        await eventually(lambda: is_told(pool))
        await tell(
            pool, noted("Restarted it. <!here>", seconds=2, at=at),
            happened("resolved", seconds=3, at=at, number=42, title="The <!channel> *database* is down"),
        )  # fmt: skip
        await eventually(lambda: is_told(pool))
    assert roots(slack) == [root]
    assert "resolved" in root.text
    assert [("triggered" in version["text"], "acknowledged" in version["text"]) for version in root.versions] == [
        (True, False),
        (False, True),
    ]
    thread = slack.conversations.public("CALL", root.ts)
    assert "Similar incidents" in thread[0].words
    assert "Raised the pool." in thread[0].words
    assert "Acknowledged by Ada" in thread[1].words
    assert "Restarted it. <!here>" in thread[2].words
    assert "Resolved by Ada" in thread[2].words
    assert len(thread) == 3
    assert slack.problems == []
    urls = frozenset({"https://pd.example/P7", "https://acme.pagerduty.com/incidents/PINC1"})
    for said in [root, *thread]:
        assert live_markup(said.message, allowed_urls=urls) == []


async def test_first_rule_that_fits(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """An incident goes to the channel of the first rule that fits; where none fits, to none."""
    rules = (
        Rule("CURGENT", services=["production *"], urgencies=["high"]),
        Rule("CTEAM", teams=["Stor*"], priorities=["P1"]),
        Rule("CLOW", urgencies=["low"]),
    )
    async with announcing_on(database_url, pool, slack, rules):
        await tell(
            pool,
            happened("triggered", "P1", at=now(), number=1, title="one"),
            happened("triggered", "P2", at=now(), number=2, title="two", urgency="low"),
            happened("triggered", "P3", at=now(), number=3, title="three", service=None, teams=()),
        )
        await eventually(lambda: is_told(pool))
    assert [said.text.split(":")[0] for said in roots(slack, "CURGENT")] == ["#1 one"]
    assert [said.text.split(":")[0] for said in roots(slack, "CLOW")] == ["#2 two"]
    assert len(slack.conversations.said) == 2


async def test_history_is_not_announced(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """What a crawl or a replay brings of long ago is none of Slack's business, nor what is over by the time."""
    async with announcing_on(database_url, pool, slack):
        old = now() - timedelta(hours=2)
        await tell(pool, happened("triggered", "P1", at=old))
        recent = now() - timedelta(minutes=30)
        await tell(pool, happened("triggered", "P2", at=recent), happened("resolved", "P2", 60, at=recent))
        await eventually(lambda: is_told(pool))
        await tell(pool, happened("triggered", "P3", at=now(), title="new"))
        await eventually(lambda: roots(slack))
        async with pool.acquire() as connection:
            await store.refold(connection, ["P1", "P2", "P3"])
        await eventually(lambda: is_told(pool))
    [root] = roots(slack)
    assert "new" in root.text
    assert slack.conversations.said == [root]


async def test_off_without_rules(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """Without rules nothing is marked, and nothing announced."""
    async with announcing_on(database_url, pool, slack, ()):
        await tell(pool, happened("triggered", at=now()))
        assert await is_told(pool)
    assert slack.calls == []


async def test_a_burst_in_order(database_url: str, pool: Pool) -> None:
    """Of 200 incidents at once each is announced once, in their order, and no limit of Slack's is met."""
    async with FakeSlack(per_second=10.5, burst=2) as slack:
        at = now() - timedelta(minutes=1)
        async with announcing_on(database_url, pool, slack):
            events = [happened("triggered", f"P{n:03d}", n / 10, at=at, number=n, title=f"no {n}") for n in range(200)]
            events += [
                happened("acknowledged", f"P{n:03d}", n / 10 + 1, at=at, number=n, title=f"no {n}")
                for n in range(0, 200, 4)
            ]
            for part in (events[150:], events[:50], events[50:150]):
                await tell(pool, *part)
            await eventually(lambda: len(roots(slack)) == 200, 60)
            await eventually(lambda: is_told(pool), 60)
        assert [said.text.split(" ")[0] for said in roots(slack)] == [f"#{n}" for n in range(200)]
        assert slack.limited == 0
        assert slack.problems == []


async def test_slack_is_away(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """After an outage each open incident is told once as it is by then, and its thread hears all that it missed at once."""
    at = now()
    async with announcing_on(database_url, pool, slack):
        await tell(pool, happened("triggered", "P1", at=at, number=1, title="before"))
        [root] = await eventually(lambda: roots(slack))
        await eventually(lambda: is_told(pool))
        await slack.stop()
        for seconds, kind in ((1, "acknowledged"), (2, "escalated"), (3, "reassigned"), (4, "resolved")):
            await tell(pool, happened(kind, "P1", seconds, at=at, number=1, title="before"))
        await tell(pool, happened("triggered", "P2", 2, at=at, number=2, title="during"))
        await tell(pool, happened("acknowledged", "P2", 3, at=at, number=2, title="during"))
        await eventually(lambda: _troubles(pool, "api"))
        await slack.start()
        await eventually(lambda: is_told(pool), 30)
        await eventually(lambda: _no_troubles(pool))
    assert [said.text.split(":")[0] for said in roots(slack)] == ["#1 before", "#2 during"]
    assert len(root.versions) == 1
    [reply] = slack.conversations.public("CALL", root.ts)
    assert [word in reply.words for word in ("Acknowledged", "Escalated", "Reassigned", "Resolved")] == [True] * 4
    assert slack.conversations.public("CALL", roots(slack)[1].ts) == []


@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "account_inactive"])
async def test_token_is_refused(database_url: str, pool: Pool, slack: FakeSlack, error: str) -> None:
    """A refused token is seen, nothing is asked in haste, and all goes on when it is good again."""
    slack.rule("chat.postMessage", Fault(error=error, times=2))
    async with announcing_on(database_url, pool, slack):
        await tell(pool, happened("triggered", "P1", at=now()), happened("triggered", "P2", 1, at=now()))
        await eventually(lambda: _troubles(pool, "token"))
        await eventually(lambda: len(roots(slack)) == 2, 30)
        await eventually(lambda: _no_troubles(pool))
    assert len(slack.calls) == 4


@pytest.mark.parametrize("error", ["is_archived", "channel_not_found", "not_in_channel", "missing_scope"])
async def test_channel_is_refused(database_url: str, pool: Pool, slack: FakeSlack, error: str) -> None:
    """A channel that takes nothing holds up no other, is seen, and hears the present state when it takes it again."""
    slack.rule("chat.postMessage", Fault(error=error, times=1, when=lambda body: body["channel"] == "CSTORE"))
    rules = (Rule("CSTORE", urgencies=["low"]), Rule("CALL"))
    async with announcing_on(database_url, pool, slack, rules):
        await tell(pool, happened("triggered", "P1", at=now(), urgency="low"), happened("triggered", "P2", at=now()))
        await eventually(lambda: roots(slack, "CALL"))
        await eventually(lambda: _troubles(pool, "channel CSTORE"))
        await eventually(lambda: roots(slack, "CSTORE"), 30)
        await eventually(lambda: _no_troubles(pool))


async def test_many_for_one_channel(
    database_url: str, pool: Pool, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More incidents than one look takes, for a channel that takes none, keep no other channel waiting."""
    monkeypatch.setattr(told, "_PENDING", told._PENDING.replace(f"<= {told.MOST_OF_A_CHANNEL}", "<= 5"))
    slack.rule("chat.postMessage", Fault(error="is_archived", when=lambda body: body["channel"] == "CSTORE"))
    rules = (Rule("CSTORE", urgencies=["low"]), Rule("CALL"))
    async with announcing_on(database_url, pool, slack, rules):
        await tell(
            pool,
            *(happened("triggered", f"P{n:02d}", n, at=now() - timedelta(minutes=5), urgency="low") for n in range(30)),
        )
        await tell(pool, happened("triggered", "P99", at=now(), title="elsewhere"))
        [root] = await eventually(lambda: roots(slack, "CALL"))
        assert "elsewhere" in root.text


async def test_limit_is_obeyed(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """A 429 is waited out, for that channel alone, and the message comes once."""
    slack.rule("chat.postMessage", Fault(status=429, retry_after=1, times=1))
    async with announcing_on(database_url, pool, slack):
        await tell(pool, happened("triggered", at=now()))
        await eventually(lambda: roots(slack))
        await eventually(lambda: is_told(pool))
    times = [at for _, _, at in slack.calls]
    assert len(times) == 2
    assert times[1] - times[0] >= 1


async def test_a_lost_receipt(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """A message that arrived although Slack said otherwise is found again, and not sent twice."""
    slack.rule("chat.postMessage", Fault(status=500, times=1, lets_through=True))
    async with announcing_on(database_url, pool, slack):
        await tell(pool, happened("triggered", at=now()))
        await eventually(lambda: is_told(pool), 30)
        await tell(pool, happened("acknowledged", seconds=1, at=now()))
        await eventually(lambda: is_told(pool), 30)
    [root] = roots(slack)
    assert "acknowledged" in root.text
    assert [method for method, _, _ in slack.calls][:2] == ["chat.postMessage", "conversations.history"]


async def test_two_copies(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """Of two copies one announces, and the other takes over when it ends."""
    async with announcing_on(database_url, pool, slack):
        async with announcing_on(database_url, pool, slack):
            await tell(pool, happened("triggered", "P1", at=now()))
            await eventually(lambda: is_told(pool))
        await tell(pool, happened("triggered", "P2", at=now()))
        await eventually(lambda: is_told(pool))
        await asyncio.sleep(0)
    assert len(roots(slack)) == 2


async def _troubles(pool: Pool, subject: str) -> bool:
    return bool(await pool.fetchval("SELECT true FROM slack_troubles WHERE subject = $1", subject))


async def _no_troubles(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT count(*) = 0 FROM slack_troubles"))
