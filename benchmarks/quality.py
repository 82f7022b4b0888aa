"""How well the memory finds and answers: by words, by meaning and by both, in the invented company and elsewhere.

    python -m benchmarks.quality [folder ...]

A folder holds a collection as `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and `qrels.tsv`
(query, document, grade). Those of EM_AGENT_COLLECTIONS, separated by colons, are taken where none is given.
"""

import argparse
import asyncio
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog
from tests.conftest import with_database
from tests.evaluation import memory
from tests.evaluation.answers import judge, shares
from tests.evaluation.corpus import questions
from tests.evaluation.rankings import Query, by_both, by_meaning, by_words, quality, query_of

from benchmarks.stand import show
from em_agent.ask.asker import Asker
from em_agent.domain.documents import Document, Passage
from em_agent.embedded.postgres import start_postgres
from em_agent.kit.postgres import Pool, migrate, open_pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search import store
from em_agent.search.chunks import paragraphs
from em_agent.search.embedding.bundled import BundledEmbedder
from em_agent.search.filters import Filters
from em_agent.search.query import Search

_HEADINGS = ("queries", "", "words nDCG@10", "recall", "meaning nDCG@10", "recall", "both nDCG@10", "recall")


async def _compare(pool: Pool, embedder: BundledEmbedder, queries: Sequence[Query]) -> list[tuple[object, ...]]:
    search = Search(pool, embedder)
    systems = [
        [await by_words(pool, query) for query in queries],
        [await by_meaning(pool, embedder, query) for query in queries],
        [await by_both(search, query) for query in queries],
    ]
    rows = []
    for group in dict.fromkeys(group for query in queries for group in query.groups):
        found = [quality(queries, rankings, group) for rankings in systems]
        figures = [figure for one in found for figure in (f"{one.ndcg:.3f}", f"{one.recall:.3f}")]
        rows.append((found[0].queries, group, *figures))
    return rows


async def _company(url: str, embedder: BundledEmbedder) -> None:
    async with open_pool(url, name="benchmark", size=4) as pool:
        await memory.fill(pool, url)
        await memory.embed(pool, embedder)
        zone, asked = questions()
        queries = [query_of(question) for question in asked if question.grades]
        show("The invented company", _HEADINGS, await _compare(pool, embedder, queries))
        asker = Asker(Search(pool, embedder), IncidentMeter(pool), pool, timezone=zone, embedder=embedder)
        rows = [(count, group, f"{share:.3f}") for group, (count, share) in shares(await judge(asker, asked)).items()]
        show("Its answers", ("questions", "", "right"), rows)


async def _collection(url: str, embedder: BundledEmbedder, folder: Path) -> None:
    async with open_pool(url, name="benchmark", size=4) as pool:
        async with pool.acquire() as connection:
            await store.index(connection, [_document(row) for row in _rows(folder / "corpus.jsonl")])
        await memory.embed(pool, embedder)
        show(folder.name, _HEADINGS, await _compare(pool, embedder, list(_queries(folder))))


def _document(row: dict[str, Any]) -> Document:
    title = row.get("title", "").strip()
    text = row["text"].removeprefix(title)
    passages = [Passage("title", title)] if title else []
    passages += [Passage("paragraph", paragraph) for paragraph in paragraphs(text)]
    return Document(id=row["_id"], source="benchmark", title=title or row["_id"], passages=tuple(passages))


def _queries(folder: Path) -> Iterator[Query]:
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        grades.setdefault(query, {})[document] = max(int(grade), 0)
    for row in _rows(folder / "queries.jsonl"):
        if any(grades.get(row["_id"], {}).values()):
            yield Query(row["text"], grades[row["_id"]], ["all"], Filters())


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        yield orjson.loads(line)


async def _run(url: str, folders: Sequence[Path]) -> None:
    embedder = BundledEmbedder()
    await migrate(url)
    await _company(url, embedder)
    for number, folder in enumerate(folders):
        name = f"collection_{number}"
        async with open_pool(url, name="benchmark", size=1) as pool:
            await pool.execute(f"CREATE DATABASE {name}")
        other = with_database(url, name)
        await migrate(other)
        await _collection(other, embedder, folder)
    await embedder.close()


def main() -> None:
    """Fill, search and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    given = [Path(name) for name in os.environ.get("EM_AGENT_COLLECTIONS", "").split(os.pathsep) if name]
    folders = parser.parse_args().folders or given
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as directory:
        server = start_postgres(Path(directory))
        try:
            asyncio.run(_run(server.url, folders))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
