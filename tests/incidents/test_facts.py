"""The facts that events state, and which of them go."""

from dataclasses import replace

from em_agent.incidents import facts
from em_agent.kit.postgres import Pool
from tests.domain.test_incidents import ev


async def test_prune_leaves_what_was_committed_meanwhile(pool: Pool) -> None:
    """Of the facts in a range those go whose event was read and says nothing, or is gone; a newly recorded one's stays."""
    await pool.execute(
        "INSERT INTO events_raw (id, source, delivery_id, payload) "
        "SELECT n, 'pagerduty', 'd' || n, '{}' FROM unnest(ARRAY[1, 2, 3, 11]) AS n"
    )
    async with pool.acquire() as connection:
        await facts.save(connection, [replace(ev("triggered", n), event_id=n) for n in (1, 2, 3, 4, 11, 12)])
        # 3 was committed after the reading, 4 is gone from the record, 11 and 12 lie outside of the range.
        await facts.prune(connection, after=0, until=10, silent=[2])
        rows = await connection.fetch("SELECT event_id FROM incident_events ORDER BY 1")
    assert [row["event_id"] for row in rows] == [1, 3, 11, 12]
