"""Pages of lists over the marts, newest first: where a page begins, and what is on it."""

import asyncpg

from em_agent.errors import InvalidError
from em_agent.kit import cursors
from em_agent.kit.postgres import Pool, reachable
from em_agent.metrics.sql import Statement


def behind(statement: Statement, cursor: str, at: str, key: str) -> str:
    """The condition for what comes behind the cursor's row where the list is sorted by `at` and `key`, both descending.

    Raises:
        InvalidError: the cursor is none of ours.

    """
    moment, row_key = cursors.decode(cursor)
    if moment is None:  # every place in such a list has a time
        raise InvalidError(cursors.FOREIGN)
    return f"({at}, {key}) < ({statement.place(moment)}::text::timestamptz, {statement.place(row_key)})"


async def fetch_page(
    pool: Pool, statement: Statement, *, key: str, limit: int, cursor: str | None
) -> tuple[list[asyncpg.Record], str | None]:
    """The rows of the page, and the cursor of the next one if there is one.

    The statement gives one row more than `limit` where there are more, sorted by its columns `at` and `key`; before the
    marts are built there is nothing.

    Raises:
        InvalidError: the cursor is none of ours.
        RetriableError: the database does not answer.

    """
    try:
        async with reachable():
            rows = await pool.fetch(statement.text, *statement.arguments)
    except asyncpg.UndefinedTableError:
        return [], None
    except asyncpg.DataError as error:
        if cursor is None:
            raise
        raise InvalidError(cursors.FOREIGN) from error
    shown, has_more = rows[:limit], len(rows) > limit
    return shown, cursors.encode(shown[-1]["at"], shown[-1][key]) if has_more else None
