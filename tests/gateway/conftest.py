"""A gateway on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.parts import Gateway, gateway_on


@pytest.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway with a secret."""
    async with gateway_on(database_url) as opened:
        yield opened


@pytest.fixture
async def open_gate(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway on loopback that has no secret."""
    async with gateway_on(database_url, PAGERDUTY_WEBHOOK_SECRET="") as opened:
        yield opened
