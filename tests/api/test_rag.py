"""The memory over HTTP."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from em_agent.domain.documents import Document, Passage
from em_agent.kit.postgres import Pool
from em_agent.search import store
from tests.parts import Gateway, gateway_on

RUNBOOK = {
    "id": "runbooks/disk full",
    "title": "The disk is full",
    "text": "Remove old logs first.\n\nThen let the database grow.",
    "url": "https://wiki.example.com/disk",
    "source": "wiki",
    "meta": {"service": "Checkout", "deep": {"list": [1, None]}},
}


@pytest.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway that searches by words alone."""
    async with gateway_on(database_url, EMBEDDINGS_URL="none") as opened:
        yield opened


async def post(gateway: Gateway, path: str, body: Any) -> httpx2.Response:
    """The answer to the body as JSON."""
    return await gateway.client.post(f"/v1/rag/{path}", json=body)


async def search(gateway: Gateway, q: str, **more: Any) -> list[dict[str, Any]]:
    """What is found."""
    answer = await post(gateway, "search", {"q": q, **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def index_incident(pool: Pool, id_: str, number: int, title: str, note: str, **fields: Any) -> None:
    """Put an incident into the index."""
    passages = (Passage("title", title), Passage("note", note))
    document = Document(
        f"pagerduty:incident:{id_}",
        "pagerduty",
        title,
        passages,
        number=number,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        **fields,
    )
    async with pool.acquire() as connection:
        await store.index(connection, [document])


async def test_own_documents(gateway: Gateway) -> None:
    """A document is found on return, under its owner's id with all that he gave; again, it is unchanged."""
    none = {"indexed": 0, "unchanged": 0, "failed": 0, "failures": []}
    assert (await post(gateway, "index", RUNBOOK)).json() == {**none, "indexed": 1}
    assert (await post(gateway, "index", RUNBOOK)).json() == {**none, "unchanged": 1}
    [found] = await search(gateway, "database growth")
    assert {name: found[name] for name in ("id", "title", "url", "source", "meta")} == {
        name: value for name, value in RUNBOOK.items() if name != "text"
    }
    assert found["snippet"] == RUNBOOK["text"]
    assert found["score"] == 1.0
    assert (await post(gateway, "index", {**RUNBOOK, "text": "Another."})).json() == {**none, "indexed": 1}
    assert await search(gateway, "database growth") == []
    assert (await gateway.client.get("/v1/rag/status")).json() == {"documents": 1, "pending_embeddings": 0}


async def test_removal(gateway: Gateway) -> None:
    """A document that was removed is found no more; its id may hold slashes and spaces; a second time it is 404."""
    await post(gateway, "index", RUNBOOK)
    assert (await gateway.client.delete("/v1/rag/documents/runbooks/disk%20full")).status_code == 200
    assert await search(gateway, "database") == []
    assert (await gateway.client.delete("/v1/rag/documents/runbooks/disk%20full")).status_code == 404
    assert (await gateway.client.delete("/v1/rag/documents/pagerduty:incident:P1")).status_code == 422


async def test_filters_on_own_documents(gateway: Gateway) -> None:
    """What `meta` says of a document is what filters look at; a time is one in the window or not."""
    await post(gateway, "index", {**RUNBOOK, "meta": {"team": "Red", "urgency": "high", "at": "2026-03-01T00:00:00Z"}})
    for filters, count in (
        ({"source": "wiki"}, 1),
        ({"source": ["wiki", "other"], "team": "Red", "urgency": None}, 1),
        ({"source": "other"}, 0),
        ({"since": "2026-03-01", "until": "2026-03-02"}, 1),
        ({"until": "2026-03-01T00:00:00Z"}, 0),
        ({}, 1),
    ):
        assert len(await search(gateway, "disk", filters=filters)) == count, filters


async def test_bulk(gateway: Gateway) -> None:
    """Documents that cannot be read are told of with the reason; the others are indexed."""
    bad: list[Any] = [
        1, None, {"id": "no-text"}, {"text": "no id"}, {"id": "", "text": "x"}, {"id": "n", "text": "a\x00b"}, {"id": 5, "text": "x"},
        {"id": "pagerduty:incident:P1", "text": "x"}, {"id": "m", "text": "x", "meta": {"a": "\x00"}}, {"id": "l", "text": "x" * 1_000_001},
        {"id": "u", "text": "x", "url": ["x"]},
    ]  # fmt: skip
    good = [
        RUNBOOK,
        {"id": "plain", "text": "First line\nmore", "title": None, "meta": None},
        {"id": "t", "title": "Only a title", "text": ""},
    ]
    answer = (await post(gateway, "index/bulk", {"documents": [*good[:1], *bad, *good[1:], RUNBOOK]})).json()
    assert (answer["indexed"], answer["unchanged"], answer["failed"]) == (4, 0, len(bad))
    assert [failure["index"] for failure in answer["failures"]] == list(range(1, len(bad) + 1))
    assert [failure["id"] for failure in answer["failures"]][:3] == [None, None, "no-text"]
    assert all(failure["detail"] for failure in answer["failures"])
    assert [found["title"] for found in await search(gateway, "more lines")] == ["First line"]
    assert [found["snippet"] for found in await search(gateway, "only a title")] == ["Only a title"]


async def test_what_indexes_do_not_take(gateway: Gateway) -> None:
    """Where what is filtered by is longer than an index takes, or the source is an incident's, it alone is refused."""
    longest = "".join(chr(0x10000 + 131 * n) for n in range(500))
    for name in ("service", "service_id", "team", "teams", "urgency", "status", "priority"):
        for value in (longest, [longest]):
            fits = {"id": f"fits {name}", "text": "x", "meta": {name: value}}
            assert (await post(gateway, "index", fits)).status_code == 200, name
    refused: list[dict[str, Any]] = [
        {"id": "bad", "text": "x", "meta": {name: value}}
        for name in ("service", "service_id", "team", "teams", "urgency", "status", "priority")
        for value in (longest + "x", [longest + "x"])
    ]
    refused.append({"id": "bad", "text": "x", "source": "pagerduty"})
    for document in refused:
        answer = await post(gateway, "index", document)
        assert answer.status_code == 422, document
        assert "longer than 500" in answer.json()["detail"] or "source of PagerDuty" in answer.json()["detail"]
    answer = await post(gateway, "index/bulk", {"documents": [*refused, RUNBOOK]})
    assert (answer.json()["indexed"], answer.json()["failed"]) == (1, len(refused))


async def test_what_postgresql_refuses(gateway: Gateway, pool: Pool) -> None:
    """A document of a bulk that cannot be stored is told of with the reason; those beside it are indexed."""
    await pool.execute("ALTER TABLE search.documents ADD CONSTRAINT luck CHECK (title <> 'cursed')")
    documents = [{"id": f"d{n}", "title": "cursed" if n == 3 else f"title {n}"} for n in range(6)]
    answer = (await post(gateway, "index/bulk", {"documents": documents})).json()
    assert (answer["indexed"], answer["failed"]) == (5, 1)
    [failure] = answer["failures"]
    assert (failure["index"], failure["id"]) == (3, "d3")
    assert "luck" in failure["detail"]


async def test_bulk_bodies(gateway: Gateway) -> None:
    """A body that is no such request is 422, one over 32 MiB is 413, one of 32 MiB is read."""
    for body in (b"", b"x", b"[]", b"{}", b'{"documents":{}}', b"\xff"):
        answer = await gateway.client.post("/v1/rag/index/bulk", content=body)
        assert answer.status_code == 422, body
    text = json.dumps({"documents": [{"id": "a", "text": "disk"}]}).encode()
    assert (
        await gateway.client.post("/v1/rag/index/bulk", content=text + b" " * ((32 << 20) - len(text)))
    ).status_code == 200
    assert (await gateway.client.post("/v1/rag/index/bulk", content=text + b" " * (32 << 20))).status_code == 413


async def test_bad_searches(gateway: Gateway) -> None:
    """What cannot be asked is 422 with a sentence."""
    bodies: tuple[Any, ...] = (
        {}, {"q": ""}, {"q": " \n"}, {"q": 5}, {"q": "x" * 20_001}, {"q": "x", "top_k": 0}, {"q": "x", "top_k": -1}, {"q": "x", "top_k": 10_000},
        {"q": "x", "filters": {"colour": "red"}}, {"q": "x", "filters": {"since": "yesterday"}}, {"q": "x", "filters": {"service": {}}},
        {"q": "x", "filters": {"since": "2026-03-02", "until": "2026-03-01"}},
        {"q": "x", "filters": {"source": "a\x00"}}, {"q": "x", "filters": []}, {"q": "x", "colour": "red"}, [],
    )  # fmt: skip
    for body in bodies:
        answer = await post(gateway, "search", body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["detail"]
    assert await search(gateway, "x" * 20_000) == []
    assert await search(gateway, "a\x00b") == []


async def test_similar_incidents(gateway: Gateway, pool: Pool) -> None:
    """Incidents like this one, by its id or number, without itself; 404 where it is not known."""
    await index_incident(pool, "P100001", 1, "Disk full on db-1", "old logs removed", service="DB")
    await index_incident(pool, "P100002", 2, "Disk full on db-2", "old logs removed", service="DB")
    await index_incident(pool, "P100003", 3, "Disk slow", "nothing", service="Web")
    for path in ("P100001", "1", "%231"):
        answer = await gateway.client.get(f"/v1/incidents/{path}/similar")
        assert [found["id"][-7:] for found in answer.json()["results"]] == ["P100002", "P100003"], answer.text
    answer = await gateway.client.get("/v1/incidents/1/similar", params={"service": ["Web", "X"], "top_k": 1})
    assert [found["id"][-7:] for found in answer.json()["results"]] == ["P100003"]
    assert (await gateway.client.get("/v1/incidents/P9/similar")).status_code == 404
    for bad in ("top_k=0", "top_k=101", "since=x", "colour=red"):
        assert (await gateway.client.get(f"/v1/incidents/1/similar?{bad}")).status_code == 422, bad


async def test_the_model_is_away(database_url: str) -> None:
    """While the embedding model does not answer, words do, and the answer says so."""
    async with gateway_on(database_url, EMBEDDINGS_URL="http://127.0.0.1:1/v1", EMBEDDINGS_MODEL="m") as gateway:
        await post(gateway, "index", RUNBOOK)
        answer = (await post(gateway, "search", {"q": "old logs"})).json()
        assert [found["id"] for found in answer["results"]] == [RUNBOOK["id"]]
        assert answer["degraded"] == ["dense"]
        assert (await gateway.client.get("/v1/rag/status")).json() == {"documents": 1, "pending_embeddings": 1}
