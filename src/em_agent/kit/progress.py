"""The place that long work has got to, kept in the database."""

from em_agent.kit.postgres import Connection


async def place_of(connection: Connection, name: str) -> str | None:
    """The place where the work was interrupted; None when it is to begin."""
    place: str | None = await connection.fetchval("SELECT place FROM progress WHERE name = $1", name)
    return place


async def remember(connection: Connection, name: str, place: str) -> None:
    """Go on from `place` after an interruption."""
    await connection.execute(
        "INSERT INTO progress (name, place) VALUES ($1, $2) "
        "ON CONFLICT (name) DO UPDATE SET place = excluded.place, updated_at = now()",
        name,
        place,
    )


async def forget(connection: Connection, name: str) -> None:
    """The work is done: it begins anew the next time."""
    await connection.execute("DELETE FROM progress WHERE name = $1", name)
