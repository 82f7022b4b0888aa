"""How new the numbers are."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from em_agent.kit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Freshness:
    """Receipt of the newest event in the models, and when they were built; both None before there are any."""

    as_of: datetime | None = None
    built_at: datetime | None = None


async def freshness(connection: Connection) -> Freshness:
    """How new the models are."""
    try:
        row = await connection.fetchrow("SELECT as_of, built_at FROM warehouse.freshness")
    except asyncpg.UndefinedTableError:
        return Freshness()
    return Freshness(row["as_of"], row["built_at"]) if row else Freshness()
