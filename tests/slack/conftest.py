"""A workspace, a gateway and a worker of Slack's jobs, in the test's own event loop."""

from collections.abc import AsyncIterator

import pytest

from em_agent.kit.postgres import Pool
from tests.fake_slack import FakeSlack
from tests.parts import Gateway, gateway_on
from tests.slack.part import Answering, answering_on


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A workspace."""
    async with FakeSlack() as opened:
        yield opened


@pytest.fixture
async def app(database_url: str, slack: FakeSlack) -> AsyncIterator[Gateway]:
    """A gateway that the workspace's requests reach."""
    async with gateway_on(database_url, **slack.settings) as gateway:
        yield gateway


@pytest.fixture
async def answering(database_url: str, pool: Pool, slack: FakeSlack) -> AsyncIterator[Answering]:
    """A worker that answers."""
    async with answering_on(database_url, pool, slack) as part:
        yield part
