"""The memory: how fast documents are indexed and found among 10,000 and 100,000, and what filters leave.

The vectors are supplied, in clusters as those of texts are; embedding so many texts would take an hour. A search's own
question is embedded by the bundled model where it is there.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stand import show
from em_agent.domain.documents import Document, Passage
from em_agent.embedded.postgres import start_postgres
from em_agent.kit.postgres import Connection, Pool, migrate, open_pool
from em_agent.search import meaning, store, vectors
from em_agent.search.embedder import Embedder, Vectors
from em_agent.search.embedding.bundled import BundledEmbedder, is_installed
from em_agent.search.filters import Filters, resolve
from em_agent.search.meaning import MeaningQuery
from em_agent.search.query import Search

DIMENSIONS = 384
CLUSTERS = 2_000
WORDS = 120
ONE_BY_ONE = 60
SEARCHES = 200
SHARES = {"0.1 %": "thousandth", "1 %": "hundredth", "10 %": "tenth", "100 %": ""}
GOALS = {"one document, ms": 50.0, "one document, ratio": 1.5, "p50": 25.0, "p95": 60.0}

_SYLLABLES = (
    "ba co di fe gu ka lo mi no pe",
    "bra cre dlo sti ntu mpa rke lfi ndo rtu",
    "n r l s t de ck mp st ve",
    " s ed ing",
)
_QUESTION = ("why did", "what caused", "how was", "who fixed")


class Corpus:
    """Documents by their number, the same in every run."""

    def __init__(self) -> None:
        """Make the words, of which some are common and most are rare, and the clusters."""
        parts = [syllables.split(" ") for syllables in _SYLLABLES]
        self.words = ["".join(word) for word in itertools.product(*parts, parts[0][:5])]
        random.Random(1).shuffle(self.words)
        self.weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(self.words))))
        self.centres = _unit(np.random.default_rng(2).normal(size=(CLUSTERS, DIMENSIONS)))

    def document(self, number: int) -> Document:
        """An incident with a title and a note or two."""
        rng = random.Random(number)
        words = rng.choices(self.words, cum_weights=self.weights, k=WORDS)
        half = rng.choice((WORDS, WORDS // 2))
        notes = [" ".join(words[8:half]), " ".join(words[half:])]
        source = next(
            (name for name, every in (("thousandth", 1000), ("hundredth", 100), ("tenth", 10)) if number % every == 1),
            "rest",
        )
        return Document(
            f"incident:{number}",
            source,
            " ".join(words[:8]) + f" ERR{number}",
            tuple(Passage("note", note) for note in notes if note),
            number=number,
            service=f"service-{number % 97}",
        )

    def vectors(self, rng: np.random.Generator, count: int) -> Vectors:
        """So many vectors, each near the centre of a cluster."""
        near = self.centres[rng.integers(0, CLUSTERS, count)]
        return _unit(near + rng.normal(size=near.shape) * 0.045)

    def question(self, rng: random.Random) -> str:
        """Some words, common and rare."""
        return f"{rng.choice(_QUESTION)} {' '.join(rng.choices(self.words, cum_weights=self.weights, k=rng.randint(3, 9)))}"


class Supplied:
    """A stand-in for the model, where it is not installed."""

    fingerprint = "supplied"
    dimensions = DIMENSIONS

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:  # noqa: ARG002
        """Vectors of no meaning."""
        return _unit(np.random.default_rng(len(texts[0])).normal(size=(len(texts), DIMENSIONS)))

    async def close(self) -> None:
        """Nothing is open."""


def _unit(rows: NDArray[Any]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


async def _grow(pool: Pool, corpus: Corpus, model: Embedder, numbers: range) -> float:
    """Index the documents and give them vectors; documents a second, by words."""
    seconds = 0.0
    async with pool.acquire() as connection:
        for start in range(numbers.start, numbers.stop, 5_000):
            documents = [corpus.document(number) for number in range(start, min(start + 5_000, numbers.stop))]
            began = time.perf_counter()
            await store.index(connection, documents)
            seconds += time.perf_counter() - began
        await connection.execute("VACUUM ANALYZE search.documents")
        await _embed(connection, corpus, model, numbers.start)
    return len(numbers) / seconds


async def _embed(connection: Connection, corpus: Corpus, model: Embedder, seed: int) -> None:
    rng = np.random.default_rng(seed)
    while waiting := await vectors.pending(connection, model.fingerprint, 5_000):
        await vectors.save(connection, model.fingerprint, waiting, corpus.vectors(rng, len(waiting)).tolist())


async def _one_by_one(pool: Pool, corpus: Corpus, first: int) -> float:
    """Milliseconds until one document more is found, median."""
    took = []
    async with pool.acquire() as connection:
        for number in range(first, first + ONE_BY_ONE):
            document = corpus.document(number)
            began = time.perf_counter()
            await store.index(connection, [document])
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


async def _search(pool: Pool, corpus: Corpus, model: Embedder) -> tuple[float, float]:
    """Milliseconds of a search, its question's embedding included: p50 and p95."""
    search, rng, took = Search(pool, model), random.Random(5), []
    for _ in range(20):
        await search.search(corpus.question(rng))
    for _ in range(SEARCHES):
        question = corpus.question(rng)
        began = time.perf_counter()
        hits = (await search.search(question, 10)).hits
        took.append((time.perf_counter() - began) * 1000)
        assert len(hits) == 10
    return statistics.median(took), sorted(took)[int(SEARCHES * 0.95)]


async def _recall(pool: Pool, model: Embedder, asked: Vectors, share: str) -> tuple[float, int, float]:
    """Of the ten nearest documents behind a filter the share found, the fewest rows of a search, its p50 in ms."""
    filters = Filters(source=[share] if share else [])
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT p.document_key, p.embedding::real[] AS vector FROM search.passages AS p JOIN search.documents AS d ON d.key = p.document_key WHERE $1 = '' OR d.source = $1",
            share,
        )
    keys, matrix = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.float32)
    found, fewest, took = 0.0, 10, []
    for number, vector in enumerate(asked):
        best = list(dict.fromkeys(keys[np.argsort(-(matrix @ vector))[:200]]))[:10]
        async with Search(pool, model).reading() as connection:
            scope = await resolve(connection, filters)
            near = await meaning.find(connection, MeaningQuery(vector.tolist(), model.fingerprint), scope, 10)
            scores = await meaning.score(connection, MeaningQuery(vector.tolist(), model.fingerprint), near)
        ranked = sorted(scores, key=lambda key: -scores[key].score)[:10]
        found += len(set(best) & set(ranked)) / len(best)
        began = time.perf_counter()
        fewest = min(fewest, len((await Search(pool, model).search(f"unheard of {number}", 10, filters)).hits))
        took.append((time.perf_counter() - began) * 1000)
    return found / len(asked), fewest, statistics.median(took)


async def _measure(url: str, small: int, large: int) -> None:
    corpus = Corpus()
    model: Embedder = BundledEmbedder() if is_installed() else Supplied()
    async with open_pool(url, name="benchmark", size=2, command_seconds=3600) as pool:
        small_rate = await _grow(pool, corpus, model, range(small))
        small_one = await _one_by_one(pool, corpus, 10_000_000)
        large_rate = await _grow(pool, corpus, model, range(small, large))
        large_one = await _one_by_one(pool, corpus, 20_000_000)
        show(
            "indexing",
            (
                "documents",
                "in bulk, documents/s",
                "one document, ms",
                f"/ {GOALS['one document, ms']:.0f} ms",
                "/ the smaller",
                "goal",
            ),
            [
                (f"{small:,}", small_rate, small_one, small_one / GOALS["one document, ms"], 1.0, ""),
                (
                    f"{large:,}",
                    large_rate,
                    large_one,
                    large_one / GOALS["one document, ms"],
                    large_one / small_one,
                    GOALS["one document, ratio"],
                ),
            ],
        )
        async with pool.acquire() as connection:
            await _embed(connection, corpus, model, 7)
            # Where it grows with the vectors, as they come, it needs no such memory.
            await connection.execute("SET maintenance_work_mem = '512MB'")
            await vectors.ensure_index(connection, model.fingerprint, DIMENSIONS)
        p50, p95 = await _search(pool, corpus, model)
        show(
            f"search among {large:,}, embedding of the question included ({model.fingerprint})",
            ("", "ms", "/ goal"),
            [("p50", p50, p50 / GOALS["p50"]), ("p95", p95, p95 / GOALS["p95"])],
        )
        asked = corpus.vectors(np.random.default_rng(11), 30)
        rows = [(name, *await _recall(pool, model, asked, share)) for name, share in SHARES.items()]
        show("filters", ("fitting", "recall of the 10 nearest", "fewest rows of 10", "p50, ms"), rows)


def main() -> None:
    """Fill, ask and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as directory:
        server = start_postgres(Path(directory))
        try:
            asyncio.run(migrate(server.url))
            asyncio.run(_measure(server.url, options.small, options.large))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
