"""Vectors for the passages that have none of the present model."""

from collections.abc import Sequence

import structlog

from em_agent.errors import PermanentError, RetriableError
from em_agent.kit import locks
from em_agent.kit.postgres import Connection
from em_agent.search.embedder import Embedder
from em_agent.search.vectors import Pending

# Told when passages were written that have no vector.
CHANNEL = "search_passages"

# What no model has a reason to refuse.
_HARMLESS = "Which model is it?"

log = structlog.get_logger()


async def lead(connection: Connection) -> bool:
    """Whether this connection is the one that has vectors made; it stays so while it lives."""
    is_leader: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1, 0)", locks.EMBEDDING)
    return is_leader


async def has_any(connection: Connection) -> bool:
    """Whether there is a passage at all, so that a model is worth being asked or loaded."""
    is_any: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM search.passages)")
    return is_any


async def introduce(embedder: Embedder) -> None:
    """Ask the model something harmless: afterwards it is known, and that it takes texts at all.

    Raises:
        RetriableError: it does not answer, or refuses even that: a wrong name, a used up account, a proxy between.

    """
    try:
        await embedder.embed([_HARMLESS])
    except PermanentError as error:
        message = f"It refuses every text. {error}"
        raise RetriableError(message) from error


async def vectors_for(embedder: Embedder, passages: Sequence[Pending]) -> list[list[float]]:
    """The passages' vectors, in their order; of a text that the model refuses one that is near to nothing.

    A text is at fault only where the model takes another one right after it.

    Raises:
        RetriableError: the model does not answer, or refuses all there is.

    """
    if not passages:
        return []
    try:
        return [vector.tolist() for vector in await embedder.embed([passage.text for passage in passages])]
    except PermanentError as error:
        await introduce(embedder)
        if len(passages) > 1:
            return [alone for passage in passages for alone in await vectors_for(embedder, [passage])]
        log.warning("search.passage_refused", document_key=passages[0].document_key, error=str(error))
        return [[0.0] * embedder.dimensions]
