"""Whether the doctor tells how long things are kept, and whether that is done."""

from em_agent.doctor.report import Status
from em_agent.doctor.retention import examine_retention
from em_agent.kit.postgres import Pool


async def test_what_is_told(database_url: str, pool: Pool) -> None:
    """Nothing is wrong without the setting; with it, that it was never done, by other days, or long ago is."""
    (all_kept,) = await examine_retention(database_url, None)
    assert (all_kept.status, "Everything is kept" in all_kept.detail) == (Status.OK, True)
    (never,) = await examine_retention(database_url, 30)
    assert (never.status, "30 days" in never.detail) == (Status.WARN, True)
    await pool.execute("INSERT INTO progress (name, place) VALUES ('retention', '30')")
    assert [check.status for check in await examine_retention(database_url, 30)] == [Status.OK]
    assert [check.status for check in await examine_retention(database_url, 20)] == [Status.WARN]
    await pool.execute("UPDATE progress SET updated_at = now() - interval '3 days'")
    (late,) = await examine_retention(database_url, 30)
    assert (late.status, "3 days ago" in late.detail) == (Status.WARN, True)
    assert await examine_retention("postgresql://127.0.0.1:1/none", 30) == []
