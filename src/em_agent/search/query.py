"""`Search`: from a question to documents, by their words and their meaning."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from em_agent.errors import EmAgentError
from em_agent.kit.postgres import Connection, Pool
from em_agent.search import exact, meaning, words
from em_agent.search.analyse import analyse
from em_agent.search.embedder import Embedder
from em_agent.search.filters import Filters, Scope, resolve
from em_agent.search.fusion import Candidate, fuse
from em_agent.search.meaning import MeaningQuery, Nearest
from em_agent.search.results import Hit, read_hits
from em_agent.search.similar import find_key, own_words, rank_by_meaning, rank_by_words
from em_agent.search.words import Scored, WordQuery

log = structlog.get_logger()

ANYTHING = Filters()
_PATIENCE_SECONDS = 0.1
_KEPT_VECTORS = 256
_KEPT_SECONDS = 300.0
# Plans are made for the values that are given. A walk through the index of vectors goes on until it has found enough of
# those that fit the filter.
_PREPARE = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true), set_config('hnsw.ef_search', '100', true),
    set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.max_scan_tuples', '200000', true)
"""


# The question's vector, if there is one, and the sides that could not be asked.
Embedding = tuple[MeaningQuery | None, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, best first; `degraded` names the sides that could not be asked."""

    hits: Sequence[Hit]
    degraded: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known before the query's vector is: the scope, the terms, what has them, and what is named, by tier."""

    scope: Scope
    asked: WordQuery
    by_words: dict[int, Scored]
    named: Mapping[int, int]


class Search:
    """Finds documents; without an embedder by their words alone."""

    def __init__(self, pool: Pool, embedder: Embedder | None) -> None:
        """Search what the pool's database holds."""
        self.pool = pool
        self.embedder = embedder
        self._vectors: OrderedDict[str, tuple[float, list[float]]] = OrderedDict()

    async def search(self, q: str, top_k: int = 10, filters: Filters = ANYTHING) -> Outcome:
        """The `top_k` best documents among those that the filters leave.

        What the query names or quotes comes first, then what has its words and its meaning. A document that shares
        neither is not found, which only happens where it has no vectors.
        """
        if not q.strip():
            return Outcome(())
        # The model computes while the database looks for words.
        embedding = asyncio.ensure_future(self._embed(q))
        try:
            async with self.reading() as connection:
                found = await _look(connection, q, filters)
                if (await asyncio.wait({embedding}, timeout=_PATIENCE_SECONDS))[0]:
                    return await _answer(connection, found, embedding.result(), top_k)
            # A model that takes its time holds no connection meanwhile.
            made = await embedding
        finally:
            embedding.cancel()
        async with self.reading() as connection:
            return await _answer(connection, found, made, top_k)

    async def similar(self, document_id: str, top_k: int = 10, filters: Filters = ANYTHING) -> Outcome:
        """The `top_k` documents most like this one, which is not among them.

        By its passages' meaning; by its rarest words where it has no vectors yet, or no model is there.

        Raises:
            NotFoundError: there is no such document in the index.

        """
        model = await self._model()
        async with self.reading() as connection:
            key = await find_key(connection, document_id)
            scope = await resolve(connection, filters)
            if scope.is_empty:
                return Outcome(())
            by_meaning = await rank_by_meaning(connection, key, model, scope, top_k) if model else None
            asked = await own_words(connection, key)
            ranked = by_meaning if by_meaning is not None else await rank_by_words(connection, key, asked, scope)
            degraded = ("dense",) if self.embedder and by_meaning is None else ()
            return Outcome(await read_hits(connection, ranked[:top_k], asked.weights), degraded)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection that sees one state of the index."""
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(_PREPARE)
            yield connection

    async def _embed(self, q: str) -> Embedding:
        if self.embedder is None or not any(character.isalnum() for character in q):
            return None, ()
        made_at, vector = self._vectors.get(q, (0.0, None))
        if vector is None or time.monotonic() - made_at > _KEPT_SECONDS:
            try:
                vector = (await self.embedder.embed([q], is_query=True))[0].tolist()
            except (EmAgentError, TimeoutError) as error:
                log.warning("search.degraded", side="dense", error=str(error))
                return None, ("dense",)
            self._keep(q, vector)
        # One that is elsewhere has told by its answer which model it is.
        return MeaningQuery(vector, self.embedder.fingerprint), ()

    async def _model(self) -> str:
        """The model by which vectors are compared; empty where there is none, or none that answers."""
        if self.embedder is not None and not self.embedder.fingerprint:
            await self._embed("Which model is it?")
        return self.embedder.fingerprint if self.embedder else ""

    def _keep(self, q: str, vector: list[float]) -> None:
        self._vectors[q] = (time.monotonic(), vector)
        self._vectors.move_to_end(q)
        if len(self._vectors) > _KEPT_VECTORS:
            self._vectors.popitem(last=False)


async def _look(connection: Connection, q: str, filters: Filters) -> _Found:
    """What the query's words and names find."""
    counts = (await analyse(connection, [q]))[0]
    scope = await resolve(connection, filters)
    asked = await words.weigh(connection, counts)
    if scope.is_empty:
        return _Found(scope, asked, {}, {})
    by_words = await words.find(connection, asked, scope)
    return _Found(scope, asked, by_words, await exact.find(connection, q, counts, asked, by_words, scope))


async def _answer(connection: Connection, found: _Found, embedding: Embedding, top_k: int) -> Outcome:
    """The best of what was found by words, of what is near in meaning, and of what is named."""
    query, degraded = embedding
    if found.scope.is_empty:
        return Outcome((), degraded)
    candidates = await _candidates(connection, found, query, top_k)
    ranked = fuse(candidates, sum(found.asked.weights.values()))[:top_k]
    return Outcome(await read_hits(connection, ranked, found.asked.weights), degraded)


async def _candidates(connection: Connection, found: _Found, query: MeaningQuery | None, top_k: int) -> list[Candidate]:
    """Whoever is named, or near by words or by meaning, with both of the scores."""
    keys = {*found.named, *found.by_words}
    nearest: dict[int, Nearest] = {}
    if query is not None:
        keys.update(await meaning.find(connection, query, found.scope, top_k))
        nearest = await meaning.score(connection, query, list(keys))
    by_words = found.by_words | await words.score(
        connection, found.asked, [key for key in keys if key not in found.by_words]
    )
    return [
        Candidate(
            key=key,
            tier=found.named.get(key, 0),
            words=by_words[key].score,
            meaning=nearest[key].score if key in nearest else None,
            ordinal=nearest[key].ordinal if key in nearest else None,
        )
        for key in keys
    ]
