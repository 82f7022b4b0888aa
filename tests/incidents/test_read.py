"""Reading one incident."""

import asyncio

from em_agent.incidents import store
from em_agent.incidents.read import find_incident
from em_agent.kit.postgres import Pool
from tests.search.test_incident_documents import noted, told


async def test_in_one_state(pool: Pool) -> None:
    """Whatever is folded meanwhile, the notes that are told are those of the events that are."""
    is_over = asyncio.Event()

    async def write() -> None:
        async with pool.acquire() as connection:
            for number in range(60):
                await store.apply(connection, [noted(100 + number, f"note {number}")])
        is_over.set()

    async with pool.acquire() as connection:
        await store.apply(connection, [told(0, "triggered")])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        while not is_over.is_set():
            found = await find_incident(pool, "P1")
            assert len(found.notes) == len(found.events) - 1
            assert len(found.timeline) == len(found.events)
