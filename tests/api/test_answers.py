"""Answers as JSON or as CSV: those of very many groups keep nothing else waiting."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from em_agent.api.answers import groups_answer, to_json
from em_agent.metrics.incidents import LARGE
from em_agent.metrics.models import Group, IncidentMetrics, Window

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
MANY = 40 * LARGE
LEAST_TURNS = 10


def metrics(groups: int, before: int | None = None) -> IncidentMetrics:
    """Metrics of so many services, and of those of the window before."""
    return IncidentMetrics(
        since=SINCE, until=UNTIL, timezone="UTC", clock="occurred", attribute_by="triggered", as_of=None,
        groups=services(groups),
        previous=None if before is None else Window(since=SINCE, until=UNTIL, groups=services(before)),
    )  # fmt: skip


def services(count: int) -> list[Group]:
    """Groups."""
    return [Group(key={"service": f'The "groups":[] of {number}'}, incidents=number) for number in range(count)]


@contextmanager
def full_collections() -> Iterator[list[int]]:
    """What the collector looks at meanwhile, where it looks at everything."""
    found: list[int] = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start" and details["generation"] == 2:
            found.append(len(gc.get_objects()))

    gc.collect()
    gc.callbacks.append(note)
    try:
        yield found
    finally:
        gc.callbacks.remove(note)


async def test_the_collector_stays_out() -> None:
    """While a large answer is put together the collector never looks at all of it; afterwards it does as ever."""
    usual = gc.get_threshold()

    async def measure(*, compare_previous: bool) -> IncidentMetrics:
        assert not compare_previous
        return metrics(MANY)

    with full_collections() as without:
        kept = metrics(MANY)
    assert len(kept.groups) == MANY
    assert without, "so many groups are too few to be noticed"
    with full_collections() as found:
        answers = await asyncio.gather(*(groups_answer({}, measure, written) for _ in range(2)))
    assert found == []
    assert len(bytes(answers[0].body)) > MANY
    assert gc.get_threshold() == usual


async def test_others_get_their_turns() -> None:
    """While a large answer is written the event loop goes on."""
    writing = asyncio.create_task(asyncio.to_thread(to_json, metrics(MANY)))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > LEAST_TURNS


@pytest.mark.parametrize(("groups", "before"), [(0, None), (1, 0), (0, 2), (3, 3)])
def test_to_json(groups: int, before: int | None) -> None:
    """Written group by group it is the same as written at once."""
    whole = metrics(groups, before)
    assert to_json(whole) == whole.model_dump_json()
    left_out: Any = {"groups": {"__all__": {"merged"}}, "previous": True}
    assert to_json(whole, without={"previous"}, of_groups={"merged"}) == whole.model_dump_json(exclude=left_out)


def written(found: IncidentMetrics, *, is_csv: bool, is_compared: bool) -> str:
    """The answer's body."""
    assert not is_csv
    assert not is_compared
    return to_json(found)
