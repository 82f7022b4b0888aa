"""Slack's limits are kept by waiting before a call, not by being told."""

import asyncio
import time
from itertools import pairwise

import pytest

from em_agent.slack import pace
from em_agent.slack.pace import Pace


async def test_a_channel_takes_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls for one channel keep their distance, those for others go through meanwhile."""
    monkeypatch.setattr(pace, "POST_SECONDS", 0.1)
    limits = Pace()
    times: dict[str, list[float]] = {"C1": [], "C2": []}

    async def post(channel: str) -> None:
        await limits.wait_to_post(channel)
        times[channel].append(time.monotonic())

    await asyncio.gather(*(post(channel) for channel in ("C1", "C1", "C2", "C1", "C2")))
    for channel in times.values():
        assert all(later - earlier >= 0.09 for earlier, later in pairwise(channel))
    assert abs(times["C1"][0] - times["C2"][0]) < 0.09


async def test_a_late_call_holds_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a call comes later than it might, the next one keeps its distance from that."""
    monkeypatch.setattr(pace, "POST_SECONDS", 0.1)
    limits = Pace()
    times: list[float] = []

    async def post() -> None:
        await limits.wait_to_post("C1")
        times.append(time.monotonic())

    await post()
    late = asyncio.create_task(post())
    following = asyncio.create_task(post())
    await asyncio.sleep(0)
    time.sleep(0.18)  # noqa: ASYNC251 - a machine that is busy
    await asyncio.gather(late, following)
    assert all(later - earlier >= 0.09 for earlier, later in pairwise(times))


async def test_changes_keep_their_distance_in_all_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are counted together, whatever the channel, and with the messages of theirs."""
    monkeypatch.setattr(pace, "POST_SECONDS", 0.05)
    monkeypatch.setattr(pace, "UPDATE_SECONDS", 0.1)
    limits = Pace()
    started = time.monotonic()
    await asyncio.gather(*(limits.wait_to_update(f"C{n}") for n in range(4)))
    assert time.monotonic() - started >= 0.29
    await limits.wait_to_post("C3")
    assert time.monotonic() - started >= 0.34
