"""Searching, by words and by meaning."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from em_agent.domain.documents import Document, Passage
from em_agent.errors import NotFoundError, RetriableError
from em_agent.kit.postgres import Pool
from em_agent.search import query, store, vectors
from em_agent.search.embedder import Vectors
from em_agent.search.filters import Filters
from em_agent.search.fusion import WORDS_WEIGHT
from em_agent.search.query import Search
from tests.waiting import eventually

DIMENSIONS = 16


class HashingModel:
    """A model by which texts are near that share words; `is_away` has it fail."""

    fingerprint = "hashing:1"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:  # noqa: ARG002
        if self.is_away:
            message = "the model is away"
            raise RetriableError(message)
        self.asked += texts
        return np.array([self.vector(text) for text in texts], np.float32)

    def vector(self, text: str) -> Any:
        total = np.full(DIMENSIONS, 0.01)
        for word in text.lower().split():
            total += np.random.default_rng(sum(word.encode())).normal(size=DIMENSIONS)
        return total / np.linalg.norm(total)

    async def close(self) -> None:
        pass


def runbook(id_: str, title: str, *texts: str, **fields: Any) -> Document:
    """A document of some paragraphs."""
    return Document(
        **{
            "id": id_,
            "source": "wiki",
            "title": title,
            "passages": tuple(Passage("paragraph", t) for t in texts),
            **fields,
        }
    )


async def put(pool: Pool, *documents: Document, model: HashingModel | None = None) -> None:
    """Index the documents, and embed them where there is a model."""
    async with pool.acquire() as connection:
        await store.index(connection, documents)
        if model:
            while waiting := await vectors.pending(connection, model.fingerprint, 500):
                made = [model.vector(one.text).tolist() for one in waiting]
                await vectors.save(connection, model.fingerprint, waiting, made)


async def ids(search: Search, q: str, top_k: int = 10, **filters: Any) -> list[str]:
    """The ids of what is found."""
    return [hit.id for hit in (await search.search(q, top_k, Filters(**filters))).hits]


INCIDENTS = (
    runbook("pagerduty:incident:P123ABC", "Checkout is slow", "The pool of connections ran dry.", number=42,
            url="https://a.pagerduty.com/incidents/P123ABC", source="pagerduty"),
    runbook("pagerduty:incident:Q9XYZ12", "Payments fail", "ORA-00600: internal error code, arguments: [kcb]", number=43, source="pagerduty"),
    runbook("runbooks/42-checkout", "Checkout and pool 42 42", "Checkout pool 42, slow slow connections 42 incident 42."),
    runbook("1", "Numbers", "one two three P123ABC is spoken of here, P123ABC"),
    runbook("wiki", "Errors", "An internal error code says little: arguments matter, ORA 00600 or not."),
)  # fmt: skip


@pytest.mark.parametrize("with_model", [False, True])
@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("#42", "pagerduty:incident:P123ABC"),
        ("what happened in #42?", "pagerduty:incident:P123ABC"),
        ("incident 43", "pagerduty:incident:Q9XYZ12"),
        ("42", "pagerduty:incident:P123ABC"),
        ("P123ABC", "pagerduty:incident:P123ABC"),
        ("why did P123ABC happen", "pagerduty:incident:P123ABC"),
        ("pagerduty:incident:P123ABC", "pagerduty:incident:P123ABC"),
        ("see https://a.pagerduty.com/incidents/P123ABC, please", "pagerduty:incident:P123ABC"),
        ("https://eu.pagerduty.com/incidents/Q9XYZ12?x=1", "pagerduty:incident:Q9XYZ12"),
        ("ORA-00600: internal error code, arguments: [kcb]", "pagerduty:incident:Q9XYZ12"),
        ("ora-00600", "pagerduty:incident:Q9XYZ12"),
        ("internal ERROR  code, arguments:", "pagerduty:incident:Q9XYZ12"),
        ('something about "pool of connections"', "pagerduty:incident:P123ABC"),
        ("runbooks/42-checkout", "runbooks/42-checkout"),
        ("1", "1"),
    ],
)
async def test_what_is_named_comes_first(pool: Pool, q: str, first: str, *, with_model: bool) -> None:
    """A number, an id, an address, an identifier, an error's very words find what they name before anything else."""
    model = HashingModel() if with_model else None
    await put(pool, *INCIDENTS, model=model)
    hits = (await Search(pool, model).search(q, 5)).hits
    assert hits[0].id == first
    assert hits[0].is_exact
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.id for hit in hits}) == len(hits)


ODD = (
    "the of and", '"; DROP TABLE search.documents; --', "((( AND OR NOT", "\\", "%", "*:*", "🔥🔥", "数据库", "' OR 1=1", '"unclosed',
    "x" * 10_000, "outage " * 1_500, "#99999999999999999999999", "не работает", "{}", "$1 %s {n}", "a" * 10_000 + "\n\t", "incident 0",
)  # fmt: skip


@pytest.mark.parametrize("with_model", [False, True])
async def test_odd_questions(pool: Pool, *, with_model: bool) -> None:
    """Any text can be asked, and asks nothing of the database but to be searched for."""
    model = HashingModel() if with_model else None
    await put(pool, *INCIDENTS, model=model)
    for q in ODD:
        assert len(await ids(Search(pool, model), q)) <= len(INCIDENTS), q
    assert await pool.fetchval("SELECT count(*) FROM search.documents") == len(INCIDENTS)


async def test_words_and_meaning(pool: Pool) -> None:
    """With vectors, the score is made of the words' and the meaning's, each by its best; and every document has one."""
    model = HashingModel()
    rng = random.Random(3)
    words = ["disk", "full", "queue", "slow", "rollback", "deploy", "certificate", "expired", "login", "latency"]
    documents = [
        runbook(f"d{n}", " ".join(rng.sample(words, 2)), *(" ".join(rng.choices(words, k=6)) for _ in range(3)))
        for n in range(60)
    ]
    await put(pool, *documents, model=model)
    search = Search(pool, model)
    hits = (await search.search("disk full rollback", 60)).hits
    assert len(hits) == 60
    asked = model.vector("disk full rollback")
    nearest = {
        document.id: max(
            float(asked @ model.vector(f"{document.title}\n{passage.text}")) for passage in document.passages
        )
        for document in documents
    }
    best_words, best_meaning = max(hit.words for hit in hits), max(nearest.values())
    for hit in hits:
        assert hit.meaning == pytest.approx(nearest[hit.id], abs=2e-3)
        if not hit.is_exact:
            expected = WORDS_WEIGHT * hit.words / best_words
            expected += (1 - WORDS_WEIGHT) * max(nearest[hit.id], 0) / best_meaning
            assert hit.score == pytest.approx(expected, abs=2e-3)
        own = next(document for document in documents if document.id == hit.id)
        assert any(hit.snippet in passage.text for passage in own.passages)


async def test_without_vectors_only_words_find(pool: Pool) -> None:
    """Without a model a document is found that shares a word, and no other."""
    await put(pool, *INCIDENTS)
    outcome = await Search(pool, None).search("slow payments", 10)
    assert {hit.id for hit in outcome.hits} == {
        "pagerduty:incident:P123ABC",
        "pagerduty:incident:Q9XYZ12",
        "runbooks/42-checkout",
    }
    assert all(hit.meaning is None and hit.words > 0 for hit in outcome.hits)
    assert outcome.degraded == ()


async def test_the_model_is_away(pool: Pool) -> None:
    """While the model does not answer, words do, and it is said so; its vectors are kept for a while."""
    model = HashingModel()
    await put(pool, *INCIDENTS, model=model)
    search = Search(pool, model)
    assert (await search.search("slow payments")).degraded == ()
    model.is_away = True
    outcome = await search.search("slow checkout")
    assert outcome.degraded == ("dense",)
    assert {hit.meaning for hit in outcome.hits} == {None}
    assert (await search.search("slow payments")).degraded == ()
    assert model.asked == ["slow payments"]


class SlowModel(HashingModel):
    """A model that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        await self.may_answer.wait()
        return await super().embed(texts, is_query=is_query)


async def test_a_slow_model_holds_no_connection(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches that wait for the model leave the connections to others, and have its side too in the end."""
    model = SlowModel()
    await put(pool, *INCIDENTS, model=model)
    search = Search(pool, model)
    looks: list[Any] = []
    look = query._look

    async def noted(*arguments: Any) -> Any:
        looks.append(await look(*arguments))
        return looks[-1]

    monkeypatch.setattr(query, "_look", noted)
    count = pool.get_max_size() + 2
    asked = [asyncio.create_task(search.search(f"slow payments {number}")) for number in range(count)]
    await eventually(lambda: len(looks) == count and pool.get_idle_size() == pool.get_size(), 30)
    model.may_answer.set()
    for outcome in await asyncio.gather(*asked):
        assert outcome.degraded == ()
        assert all(hit.meaning is not None for hit in outcome.hits)


async def test_vectors_of_two_models_are_not_compared(pool: Pool) -> None:
    """Vectors of another model count for nothing, whatever their length."""
    model = HashingModel()
    await put(pool, INCIDENTS[0], model=model)
    async with pool.acquire() as connection:
        await store.index(connection, [INCIDENTS[1]])
        waiting = [one for one in await vectors.pending(connection, "other", 10) if "ORA" in one.text]
        await vectors.save(connection, "other", waiting, [[1.0, 0.0, 0.0]])
    assert await ids(Search(pool, model), "zebra") == ["pagerduty:incident:P123ABC"]
    assert (await Search(pool, model).search("payments")).hits[0].meaning is None


START = datetime(2026, 3, 1, tzinfo=UTC)


async def test_filters(pool: Pool) -> None:
    """A filter takes a value or some, ids or names; windows are half open; an unknown value finds nothing."""
    fields: list[dict[str, Any]] = [
        {"service_id": "PS1", "service": "Checkout", "team_ids": ("PT1", "PT2"), "teams": ("Red", "Blue"), "urgency": "high",
         "status": "resolved", "priority": "P1", "at": START, "source": "pagerduty"},
        {"service_id": "PS2", "service": "Search", "team_ids": ("PT2",), "teams": ("Blue",), "urgency": "low",
         "status": "triggered", "priority": "P2", "at": START + timedelta(days=1)},
        {},
    ]  # fmt: skip
    await put(pool, *(runbook(str(n), "disk outage", **some) for n, some in enumerate(fields)))
    search = Search(pool, None)
    for filters, expected in (
        ({}, {"0", "1", "2"}),
        ({"service": ["PS1"]}, {"0"}),
        ({"service": ["Checkout", "PS2", "nobody"]}, {"0", "1"}),
        ({"team": ["Blue"]}, {"0", "1"}),
        ({"team": ["PT1"]}, {"0"}),
        ({"urgency": ["low"]}, {"1"}),
        ({"status": ["resolved"], "priority": ["P1"]}, {"0"}),
        ({"status": ["resolved"], "priority": ["P2"]}, set()),
        ({"source": ["wiki"]}, {"1", "2"}),
        ({"since": START}, {"0", "1"}),
        ({"until": START + timedelta(days=1)}, {"0"}),
        ({"since": START + timedelta(seconds=1), "until": START + timedelta(days=1)}, set()),
        ({"service": ["nobody"]}, set()),
    ):
        assert set(await ids(search, "outage", **filters)) == expected, filters
    assert await ids(search, "#1", service=["Checkout"]) == []


@pytest.mark.parametrize("few", [0, 20_000])
async def test_filters_lose_no_row(pool: Pool, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """However few the filter leaves, the nearest of those are found: as many as asked for, or all there are."""
    monkeypatch.setattr("em_agent.search.filters.FEW", few)
    monkeypatch.setattr(vectors, "INDEXED_FROM", 100)
    model = HashingModel()
    rng = np.random.default_rng(5)
    sizes = {"one": 3, "ten": 30, "hundred": 300, "all": 2_667}
    documents = [
        runbook(f"{source}-{n}", f"t{source}{n}", source=source)
        for source, count in sizes.items()
        for n in range(count)
    ]
    documents = [runbook(d.id, d.title, f"text {d.id}", source=d.source) for d in documents]
    made = rng.normal(size=(len(documents), DIMENSIONS))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    own = {document.id: vector for document, vector in zip(documents, made, strict=True)}
    async with pool.acquire() as connection:
        await store.index(connection, documents)
        waiting = await vectors.pending(connection, model.fingerprint, 5_000)
        await vectors.save(connection, model.fingerprint, waiting, [own[one.passage[5:]].tolist() for one in waiting])
        await vectors.ensure_index(connection, model.fingerprint, DIMENSIONS)
    asked = model.vector("zebra")
    search = Search(pool, model)
    for source, count in sizes.items():
        found = await ids(search, "zebra", 10, source=[source])
        fitting = [document.id for document in documents if document.source == source]
        truth = sorted(fitting, key=lambda id_: -float(own[id_] @ asked))[:10]
        assert len(found) == min(10, count)
        assert set(found) == set(truth), source
    assert len(await ids(search, "zebra", 100, source=["ten", "one"])) == 33


async def test_one_document_does_not_crowd_out_others(pool: Pool) -> None:
    """A document with a thousand near passages is one row, and others are found beside it."""
    model = HashingModel()
    await put(pool, runbook("long", "disk", *(f"disk {n % 7}" for n in range(1_000))), *INCIDENTS, model=model)
    found = await ids(Search(pool, model), "disk")
    assert found[0] == "long"
    assert len(found) == 1 + len(INCIDENTS)


@pytest.mark.parametrize("with_model", [False, True])
async def test_similar(pool: Pool, *, with_model: bool) -> None:
    """Similar is what shares most of what the document says; itself is not, and filters hold."""
    model = HashingModel() if with_model else None
    await put(
        pool,
        runbook("a", "Disk full on primary", "the disk of the primary is full", "old logs were removed"),
        runbook("b", "Disk full on replica", "the disk of the replica is full", "old logs were removed"),
        runbook("c", "Certificate expired", "the certificate of the login page", source="pagerduty"),
        runbook("d", "Disk slow", "the disk is slow", source="pagerduty"),
        model=model,
    )
    search = Search(pool, model)
    outcome = await search.similar("a", 10)
    assert outcome.hits[0].id == "b"
    assert "a" not in {hit.id for hit in outcome.hits}
    assert outcome.degraded == ()
    assert [hit.id for hit in (await search.similar("a", 1, Filters(source=["pagerduty"]))).hits] == ["d"]
    with pytest.raises(NotFoundError):
        await search.similar("nobody")


async def test_similar_before_the_vectors(pool: Pool) -> None:
    """A document that has no vectors yet is compared by its words, which is said."""
    await put(pool, runbook("a", "Disk full"), runbook("b", "Disk full again"), runbook("c", "Login"))
    outcome = await Search(pool, HashingModel()).similar("a")
    assert [hit.id for hit in outcome.hits] == ["b"]
    assert outcome.degraded == ("dense",)
