"""The worker of the memory: makes the documents of incidents anew as they change, and the vectors that are missing.

Indexing never waits for embedding: words are found at once, also while a model elsewhere is away.
"""

import asyncio
import contextlib
import time

import structlog

from em_agent.errors import RetriableError
from em_agent.incidents import pending
from em_agent.kit import postgres
from em_agent.kit.logging import Seldom
from em_agent.kit.postgres import Connection
from em_agent.search import vectors
from em_agent.search.embedder import Embedder
from em_agent.search.embedding import passages
from em_agent.search.incident_documents import document_id, index_incidents

BATCH_SIZE = 50
# Small, so that a newer passage soon has its turn.
EMBED_BATCH_SIZE = 64
IDLE_SECONDS = 2.0
# In a flood a batch is embedded this often.
CALM_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
COMMAND_SECONDS = 60.0
# While many passages wait, it is looked this often whether their vectors are enough for an index.
BATCHES_BETWEEN_LOOKS = 50

log = structlog.get_logger()


class SearchWorker:
    """One copy of the worker. Copies share the incidents; one of them makes vectors, the others stand by for that."""

    def __init__(self, database_url: str, embedder: Embedder | None) -> None:
        """Index and embed what the database holds; without an embedder, index alone."""
        self._database_url = database_url
        self._embedder = embedder
        self._is_marked = asyncio.Event()
        self._is_wanting = asyncio.Event()
        self._is_calm = asyncio.Event()  # whether few incidents are marked
        self._turn = asyncio.Lock()  # the connection is for one at a time; nobody computes while he has it
        self._is_grown = asyncio.Event()  # whether there are more vectors than at the last look for their index
        self._disconnected, self._failed = Seldom(), Seldom()
        self._waiting, self._interrupted, self._unembedded = Seldom(), Seldom(), Seldom()
        self.is_well = False  # whether the last turn of indexing was one without a failure

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again."""
        while True:
            try:
                await self._work()
            except* (RetriableError, *postgres.UNREACHABLE) as errors:
                if self._disconnected.may_say():
                    log.warning("search.disconnected", error=repr(errors.exceptions[0]))
            except* Exception:  # the outermost loop: without one nothing is indexed until a restart
                if self._failed.may_say():
                    log.exception("search.failed")
            self.is_well = False
            await asyncio.sleep(IDLE_SECONDS / 2)

    async def _work(self) -> None:
        """Index and embed as long as the connection lives."""
        connection = await self._connect()
        try:
            await connection.add_listener(pending.CHANNEL, lambda *_: self._is_marked.set())
            await connection.add_listener(passages.CHANNEL, lambda *_: self._is_wanting.set())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._index(connection))
                if self._embedder is not None:
                    tasks.create_task(self._keep_embedding(connection, self._embedder))
                    tasks.create_task(self._keep_compared(self._embedder))
        finally:
            connection.terminate()

    async def _index(self, connection: Connection) -> None:
        while True:
            self._is_marked.clear()
            started = time.monotonic()
            async with self._turn:
                count = await index_batch(connection)
            self._be_well()
            if count < BATCH_SIZE:
                self._is_calm.set()
                if not count:
                    await _wait(self._is_marked, IDLE_SECONDS)
            else:
                # In a flood, what folds and publishes in this process goes first; and who waits indexes less often.
                self._is_calm.clear()
                await asyncio.sleep(time.monotonic() - started)

    def _be_well(self) -> None:
        self.is_well = True
        if any([self._disconnected.is_over(), self._failed.is_over()]):
            log.info("search.well_again")

    async def _keep_embedding(self, connection: Connection, embedder: Embedder) -> None:
        """Embed whatever fails of it: words have to be found meanwhile."""
        while True:
            try:
                await self._embed(connection, embedder)
            except postgres.UNREACHABLE as error:
                if self._interrupted.may_say():
                    log.warning("search.embedding_interrupted", error=repr(error))
            except Exception:  # its outermost loop: without one it would end the indexing
                if self._unembedded.may_say():
                    log.exception("search.embedding_failed")
            await asyncio.sleep(IDLE_SECONDS)

    async def _embed(self, connection: Connection, embedder: Embedder) -> None:
        failures = batches = 0
        while not await self._leads(connection):  # noqa: ASYNC110 - another process, no event of ours
            await asyncio.sleep(IDLE_SECONDS)
        self._is_grown.set()
        while True:
            self._is_wanting.clear()
            await _wait(self._is_calm, CALM_SECONDS)
            try:
                count = await self._embed_batch(connection, embedder)
                failures = 0
                if any([self._waiting.is_over(), self._interrupted.is_over(), self._unembedded.is_over()]):
                    log.info("search.embeds_again")
            except RetriableError as error:
                if self._waiting.may_say():
                    log.warning("search.waiting_for_model", error=str(error), effect="search by words alone")
                failures += 1
                await asyncio.sleep(min(0.5 * 2 ** min(failures, 8), LONGEST_PAUSE_SECONDS))
                continue
            if count:
                batches += 1
            if batches and (not count or batches % BATCHES_BETWEEN_LOOKS == 0):
                batches = 0
                self._is_grown.set()
            if not count:
                await _wait(self._is_wanting, IDLE_SECONDS)

    async def _leads(self, connection: Connection) -> bool:
        async with self._turn:
            return await passages.lead(connection)

    async def _embed_batch(self, connection: Connection, embedder: Embedder) -> int:
        """Embed some of the passages that have no vector of the present model; the count of them.

        Raises:
            RetriableError: the model does not answer.

        """
        async with self._turn:
            has_any = await passages.has_any(connection)
        if not has_any:
            return 0
        if not embedder.fingerprint:
            await passages.introduce(embedder)
        model = embedder.fingerprint
        async with self._turn:
            found = await vectors.pending(connection, model, EMBED_BATCH_SIZE)
        middle = len(found) // 2
        # Two at once: the model here and most elsewhere can do that.
        made, more = await asyncio.gather(
            passages.vectors_for(embedder, found[:middle]), passages.vectors_for(embedder, found[middle:])
        )
        made += more
        if embedder.fingerprint == model and made:
            async with self._turn:
                await vectors.save(connection, model, found, made)
        return len(found)

    async def _keep_compared(self, embedder: Embedder) -> None:
        """Have the model's vectors compared quickly once they are many; a build takes long, but holds up nobody."""
        while True:
            await self._is_grown.wait()
            self._is_grown.clear()
            try:
                if embedder.fingerprint:
                    await self._ensure_index(embedder)
            except (RetriableError, *postgres.UNREACHABLE) as error:
                log.warning("search.vectors_not_indexed", error=repr(error))
                await self._look_again()
            except Exception:  # its outermost loop, too: search compares the vectors one by one meanwhile
                log.exception("search.vectors_not_indexed")
                await self._look_again()

    async def _look_again(self) -> None:
        await asyncio.sleep(LONGEST_PAUSE_SECONDS)
        self._is_grown.set()

    async def _ensure_index(self, embedder: Embedder) -> None:
        connection = await self._connect(command_seconds=None)
        try:
            await vectors.ensure_index(connection, embedder.fingerprint, embedder.dimensions)
        finally:
            connection.terminate()

    async def _connect(self, command_seconds: float | None = COMMAND_SECONDS) -> Connection:
        return await postgres.connect(self._database_url, name="em-agent search", command_seconds=command_seconds)


async def index_batch(connection: Connection) -> int:
    """Index some of the incidents that are due; the count of them."""
    ids: list[str] = []
    started = time.monotonic()
    try:
        async with connection.transaction():
            ids = await pending.claim(connection, BATCH_SIZE)
            if ids:
                await index_incidents(connection, ids)
    except postgres.UNREACHABLE:
        raise
    except Exception as error:  # noqa: BLE001 - one bad incident must not stop the others
        log.warning("search.batch_failed", incidents=len(ids), error=repr(error))
        for incident_id in ids:
            await _index_alone(connection, incident_id)
    if ids:
        log.debug("search.indexed", incidents=len(ids), seconds=round(time.monotonic() - started, 3))
    return len(ids)


async def _index_alone(connection: Connection, incident_id: str) -> None:
    try:
        await index_incidents(connection, [incident_id])
    except postgres.UNREACHABLE:
        raise
    except Exception:
        attempts = await pending.postpone(connection, incident_id)
        log.exception("search.incident_failed", id=document_id(incident_id), attempts=attempts)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
