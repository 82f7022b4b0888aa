"""Counts over time by what incidents have: those of the API, though two questions are asked at once."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.dashboard.conftest import NO_MODEL
from tests.parts import Gateway, gateway_on

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(demo_url: str) -> AsyncIterator[Gateway]:
    """A gateway on the demo's data, for clients that are no browser."""
    async with gateway_on(demo_url, **NO_MODEL) as gateway:
        yield gateway


@pytest.mark.parametrize("label", ["urgency", "priority"])
async def test_bars_are_the_counts_of_the_api(shop: Gateway, label: str) -> None:
    """The table beside the bars has, for each week, the counts that the API gives by urgency and by priority."""
    window = "since=2025-01-01&until=2027-06-01&group=month"
    text = (await shop.client.get(f"/?{window}")).text
    figure = text.partition(f'id="{label}-chart"')[2].partition("</figure>")[0]
    shown = [int(count) for count in re.findall(r'<td class="n"[^>]*>(\d+)</td>', figure)]
    asked = "since=2025-01-01&until=2027-06-01"
    groups = (await shop.client.get(f"/v1/metrics/incidents?{asked}&group_by={label},month")).json()["groups"]
    assert sum(shown) > 100
    assert sorted(count for count in shown if count) == sorted(
        group["incidents"] for group in groups if group["incidents"]
    )
