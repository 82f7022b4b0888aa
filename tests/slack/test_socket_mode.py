"""Socket Mode does what the endpoints do."""

from collections.abc import AsyncIterator

import pytest

from em_agent.kit.postgres import Pool, open_pool
from em_agent.slack.socket_mode import SocketMode
from tests.fake_slack import FakeSlack
from tests.fake_slack.server import APP_TOKEN
from tests.faults import proxy_before
from tests.parts import running
from tests.slack.part import Answering
from tests.slack.test_worker import all_done
from tests.waiting import eventually


@pytest.fixture
async def socket(slack: FakeSlack, pool: Pool) -> AsyncIterator[SocketMode]:
    """A connection that stands."""
    part = SocketMode(APP_TOKEN, slack.url, pool)
    async with running(part.run()):
        await eventually(lambda: part.is_well)
        yield part


@pytest.mark.usefixtures("socket", "answering")
async def test_command(slack: FakeSlack, pool: Pool) -> None:
    """A command is acknowledged and answered; the same one again is only acknowledged."""
    fields = slack.command_fields("help")
    for _ in range(3):
        assert await slack.send_by_socket("slash_commands", fields)
    await eventually(slack.conversations.private)
    await eventually(lambda: all_done(pool))
    assert len(slack.conversations.private()) == 1


@pytest.mark.usefixtures("socket")
async def test_event_and_click(slack: FakeSlack, answering: Answering) -> None:
    """Mentions and clicks come in the same way, and what is not known is acknowledged."""
    event = slack.event_payload(type="app_mention", channel="C1", ts="1.1", text="<@UBOT> why?")
    assert await slack.send_by_socket("events_api", event)
    await eventually(lambda: slack.conversations.public("C1", "1.1"))
    assert await slack.send_by_socket("slash_commands", slack.command_fields("ask why?"))
    [said] = await eventually(slack.conversations.private)
    assert await slack.send_by_socket("interactive", slack.click_payload(said, "Share"))
    await eventually(lambda: slack.conversations.public("CGENERAL"))
    assert await slack.send_by_socket("something_new", {})
    assert [question for question, _ in answering.teller.asked] == ["why?", "why?"]


@pytest.mark.usefixtures("socket")
async def test_connection_breaks(slack: FakeSlack) -> None:
    """A connection that breaks is made again."""
    await slack.sockets[-1].close()
    await eventually(lambda: len(slack.sockets) == 2, 30)
    assert await slack.send_by_socket("slash_commands", slack.command_fields("help"))


async def test_nothing_is_acknowledged_that_is_not_kept(slack: FakeSlack, database_url: str, pool: Pool) -> None:
    """While the database is away an event is not acknowledged, so that Slack sends it again."""
    async with proxy_before(database_url) as (proxy, url), open_pool(url, name="test", size=2) as slow:
        part = SocketMode(APP_TOKEN, slack.url, slow)
        async with running(part.run()):
            await eventually(lambda: part.is_well)
            await proxy.cut()
            event = slack.event_payload(type="app_mention", channel="C1", ts="1.1", text="why?")
            assert not await slack.send_by_socket("events_api", event)
            await proxy.restore()
            assert await slack.send_by_socket("events_api", event)
    assert await pool.fetchval("SELECT count(*) FROM slack_jobs") == 1


async def test_token_that_is_wrong(slack: FakeSlack, pool: Pool) -> None:
    """A wrong app token is seen by people, and tried again later."""
    part = SocketMode("xapp-wrong", slack.url, pool)
    async with running(part.run()):
        await eventually(lambda: pool.fetchval("SELECT error FROM slack_troubles WHERE subject = 'socket'"))
    assert not part.is_well
    assert await pool.fetchval("SELECT error FROM slack_troubles") == "invalid_auth"
