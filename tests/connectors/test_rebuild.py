# ruff: noqa: F811 - fixtures are imported, and then parameters
"""The marts are built anew beside the process that wants it."""

import pytest

from em_agent.connectors.rebuild import rebuild_marts
from em_agent.errors import RetriableError
from em_agent.kit.postgres import Pool
from tests.marts import database_url  # noqa: F401 - a fixture


@pytest.mark.slow
async def test_builds_all_anew(database_url: str, pool: Pool) -> None:
    """A row that no event made is gone afterwards."""
    await pool.execute("INSERT INTO warehouse.dim_services (service_id, service_name) VALUES ('S', 'nobody''s')")
    await rebuild_marts(database_url)
    assert await pool.fetchval("SELECT count(*) FROM warehouse.dim_services") == 0


@pytest.mark.slow
async def test_says_why_not() -> None:
    """A failure is one to try again, with its reason."""
    with pytest.raises(RetriableError, match="could not be built anew: PostgreSQL does not answer"):
        await rebuild_marts("postgresql://127.0.0.1:1/none")
