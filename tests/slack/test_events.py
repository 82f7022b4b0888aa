"""Mentions and direct messages are questions, and a thread keeps its context."""

import pytest

from em_agent.kit.postgres import Pool
from em_agent.slack.listeners.events import question_in
from tests.fake_slack import FakeSlack
from tests.parts import Gateway
from tests.slack.part import Answering
from tests.slack.test_worker import all_done
from tests.waiting import eventually


async def test_mention(slack: FakeSlack, app: Gateway, answering: Answering) -> None:
    """A mention is answered in its thread, for everybody there, without buttons to share."""
    payload = slack.event_payload(
        type="app_mention", channel="C1", ts="100.1", text="<@UBOT> what broke <https://x.example|checkout> &amp; why?"
    )
    assert [ack.is_timely for ack in await slack.event(app.url, payload)] == [True]
    [said] = await eventually(lambda: slack.conversations.public("C1", "100.1"))
    assert answering.teller.asked == [("what broke checkout & why?", None)]
    assert "The pool was too small." in said.words
    assert said.button("Share") is None
    assert slack.problems == []


async def test_thread_keeps_the_context(slack: FakeSlack, app: Gateway, answering: Answering) -> None:
    """A question in a thread is asked with the one that was answered there before, and only with that."""

    async def ask(text: str, thread_ts: str, ts: str, answers: int) -> None:
        event = {"type": "app_mention", "channel": "C1", "ts": ts, "text": f"<@UBOT> {text}"}
        await slack.event(
            app.url, slack.event_payload(**event, **({} if ts == thread_ts else {"thread_ts": thread_ts}))
        )
        await eventually(lambda: len(slack.conversations.public("C1", thread_ts)) == answers)

    await ask("what broke checkout?", "1.1", "1.1", 1)
    await ask("and who fixed it?", "1.1", "1.2", 2)
    await ask("when?", "2.1", "2.1", 1)
    assert answering.teller.asked == [
        ("what broke checkout?", None),
        ("and who fixed it?", "what broke checkout?"),
        ("when?", None),
    ]


async def test_direct_message(slack: FakeSlack, app: Gateway, answering: Answering) -> None:
    """A direct message is answered; one in a channel that mentions nobody is not meant for us."""
    event = {"type": "message", "channel_type": "im", "channel": "D1", "ts": "5.1", "text": "what broke?"}
    await slack.event(app.url, slack.event_payload(**event))
    await eventually(lambda: slack.conversations.public("D1", "5.1"))
    assert answering.teller.asked == [("what broke?", None)]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "message", "channel_type": "channel", "channel": "C1"},
        {"type": "message", "channel_type": "im", "channel": "D1", "bot_id": "BBOT"},
        {"type": "message", "channel_type": "im", "channel": "D1", "subtype": "message_changed"},
        {"type": "message", "channel_type": "im", "channel": "D1", "user": None},
        {"type": "app_mention", "channel": "C1", "bot_id": "BOTHER"},
        {"type": "reaction_added"},
        {"type": 5},
    ],
)
@pytest.mark.usefixtures("answering")
async def test_not_every_event_is_a_question(
    slack: FakeSlack, app: Gateway, pool: Pool, fields: dict[str, object]
) -> None:
    """What programs say, changes of messages and other events are acknowledged, and answered by nothing."""
    [ack] = await slack.event(app.url, slack.event_payload(**{"text": "hello?", **fields}))
    assert ack.is_timely
    await eventually(lambda: all_done(pool))
    assert slack.calls == []


async def test_mention_without_words(slack: FakeSlack, app: Gateway, answering: Answering) -> None:
    """Who only calls is told what can be asked."""
    await slack.event(app.url, slack.event_payload(type="app_mention", channel="C1", ts="1.1", text=" <@UBOT> "))
    [said] = await eventually(lambda: slack.conversations.public("C1", "1.1"))
    assert "/em-agent ask <question>" in said.words
    assert answering.teller.asked == []


async def test_the_same_event_again(slack: FakeSlack, app: Gateway, answering: Answering, pool: Pool) -> None:
    """Slack's repetitions of an event are answered once."""
    payload = slack.event_payload(type="app_mention", channel="C1", ts="1.1", text="<@UBOT> why?")
    for _ in range(4):
        await slack.event(app.url, payload)
    await eventually(lambda: all_done(pool))
    assert len(slack.conversations.said) == 1
    assert len(answering.teller.asked) == 1


def test_question_in() -> None:
    """Slack's ways of writing names and links are read as what people see."""
    assert question_in("<@U1|ada> is <#C1|ops> down, see <https://x.example/a|the page> &lt;now&gt;?") == (
        "is ops down, see the page <now>?"
    )
    assert question_in("<https://x.example> <!here>\x00") == "https://x.example here"
