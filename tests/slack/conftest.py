"""A workspace, a gateway and a worker of Slack's jobs, in the test's own event loop."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from em_agent.incidents import store
from em_agent.integrations.pagerduty.events import read_incident_event
from em_agent.kit.postgres import Pool
from tests.fake_slack import FakeSlack
from tests.fake_slack.server import fake_slack
from tests.parts import Gateway, gateway_on
from tests.slack.part import Answering, answering_on


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A workspace."""
    async with fake_slack() as opened:
        yield opened


@pytest.fixture
async def app(database_url: str, slack: FakeSlack) -> AsyncIterator[Gateway]:
    """A gateway that the workspace's requests reach."""
    async with gateway_on(database_url, **slack.settings) as gateway:
        yield gateway


@pytest.fixture
async def worker(database_url: str, pool: Pool, slack: FakeSlack) -> AsyncIterator[Answering]:
    """A worker that answers."""
    async with answering_on(database_url, pool, slack) as answering:
        yield answering
