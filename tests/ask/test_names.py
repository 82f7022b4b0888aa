"""Which names are known."""

import time

import pytest

from em_agent.ask import names as module
from em_agent.ask.names import read_names
from em_agent.kit.postgres import Pool
from tests.ask.memory import remember


async def test_the_newest_are_known(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many, those of the newest incidents are known, of services as of teams."""
    monkeypatch.setattr(module, "_MOST_NAMES", 2)
    for number, service in enumerate(["Zebra", "Yak", "Aardvark"]):
        at = f"2026-03-2{9 - number}T10:00:00+00:00"
        await remember(pool, number, "Outage", service=service, team=f"Team {service}", at=at)
    names = await read_names(pool)
    assert (names.services, names.teams) == (["Zebra", "Yak"], ["Team Zebra", "Team Yak"])
    assert names.priorities == ["P1"]


async def test_they_are_read_once_for_many_questions(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept for a while, after which a new one is known."""
    await remember(pool, 1, "Outage", service="Zebra")
    first = await read_names(pool)
    await remember(pool, 2, "Outage", service="Yak", at="2026-03-25T10:00:00+00:00")
    assert await read_names(pool) is first
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + module.KEPT_SECONDS + 1)
    assert (await read_names(pool)).services == ["Yak", "Zebra"]
