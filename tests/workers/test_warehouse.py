"""The worker that runs dbt, as a process of its own."""

from pathlib import Path

import asyncpg
import pytest

from tests.conftest import TEMPLATE, with_database
from tests.marts import execute
from tests.processes import roles_on
from tests.waiting import eventually


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """A database with the newest schema, which stays as long as the server: a killed session may still be in it."""
    execute(postgres_url, f"CREATE DATABASE held_up TEMPLATE {TEMPLATE}")
    return with_database(postgres_url, "held_up")


async def test_it_stops_in_the_middle_of_a_run(database_url: str, nats_url: str, tmp_path: Path) -> None:
    """SIGTERM ends it within seconds also while a run of dbt is held up, and nothing of it stays on the disk."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    connection, other = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        async with roles_on(database_url, nats_url, tmp_path / "roles") as roles:
            await connection.execute("BEGIN; LOCK TABLE events_raw IN ACCESS EXCLUSIVE MODE")
            roles.start("worker", "worker", "warehouse", TMPDIR=str(scratch))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'held_up'"
            await eventually(lambda: other.fetchval(waiting), seconds=30)
            assert roles.stop("worker", seconds=5) == 0
            assert list(scratch.iterdir()) == []
    finally:
        await connection.close()
        await other.close()
