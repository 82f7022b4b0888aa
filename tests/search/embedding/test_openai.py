"""A model elsewhere: every way in which it may answer, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from em_agent.errors import PermanentError, RetriableError
from em_agent.search.embedding import openai
from em_agent.search.embedding.openai import OpenAiEmbedder
from tests.parts import serving

Answer = Callable[[list[str]], Response | dict[str, Any]]


class Model:
    """An imitated `/v1/embeddings`, which answers as it is told, the last way for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.questions: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def ask(self, request: Request) -> Response:
        """The next answer."""
        self.questions.append(await request.json())
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        found = answer(self.questions[-1]["input"])
        return found if isinstance(found, Response) else Response(json.dumps(found), media_type="application/json")


def vector_of(text: str) -> list[float]:
    """A direction that depends on the text alone."""
    return [float(len(text)), 1.0, float(sum(map(ord, text)) % 7)]


def well(texts: list[str]) -> dict[str, Any]:
    """What a model answers that works, the last text first."""
    items = [{"index": n, "object": "embedding", "embedding": vector_of(text)} for n, text in enumerate(texts)]
    return {"object": "list", "data": items[::-1], "model": "m", "usage": {}}


def status(code: int, **headers: str) -> Answer:
    """An answer with that status."""
    return lambda _: Response(
        "the key is hush", status_code=code, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def raw(body: bytes) -> Answer:
    """An answer with that body."""
    return lambda _: Response(body, media_type="application/json")


@asynccontextmanager
async def embedder_of(model: Model) -> AsyncIterator[OpenAiEmbedder]:
    """An embedder that asks the imitated model."""
    async with serving(Starlette(routes=[Route("/v1/embeddings", model.ask, methods=["POST"])])) as url:
        embedder = OpenAiEmbedder(f"{url}/v1/", "some-model", "hush")
        try:
            yield embedder
        finally:
            await embedder.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(openai, "_pause", lambda *_: 0.0)


async def test_vectors_come_in_the_order_of_the_texts() -> None:
    """Whatever order the answer has, each text gets its own vector, of length one; the key goes along."""
    texts = [f"text {'x' * n}" for n in range(2 * openai.BATCH_SIZE + 3)]
    model = Model(well)
    async with embedder_of(model) as embedder:
        assert (embedder.fingerprint, embedder.dimensions) == ("", 0)
        vectors = await embedder.embed(texts)
        expected = np.array([vector_of(text) for text in texts])
        np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-6)
        assert [len(question["input"]) for question in model.questions] == [64, 64, 3]
        assert model.questions[0]["model"] == "some-model"
        assert model.headers[0]["authorization"] == "Bearer hush"
        assert embedder.dimensions == 3
        assert embedder.fingerprint.startswith("some-model:")
        assert (await embedder.embed([])).shape == (0, 3)


async def test_fingerprints_tell_models_apart() -> None:
    """Another address, another name or another length is another model."""
    names = set()
    async with embedder_of(Model(well)) as embedder:
        await embedder.embed(["a"])
        names.add(embedder.fingerprint)
        embedder._dimensions = 4
        names.add(embedder.fingerprint)
    for url, model in (("http://one/v1", "m"), ("http://two/v1", "m"), ("http://two/v1", "n"), ("http://two/v1/", "n")):
        other = OpenAiEmbedder(url, model)
        other._dimensions = 3
        names.add(other.fingerprint)
        await other.close()
    assert len(names) == 5


@pytest.mark.parametrize("trouble", [status(429, Retry_After="1"), status(500), status(503)])
async def test_trouble_that_passes_is_waited_out(trouble: Answer) -> None:
    """After a 429 or a 5xx the model is asked again, and the answer counts."""
    model = Model(trouble, trouble, well)
    async with embedder_of(model) as embedder:
        assert (await embedder.embed(["a"])).shape == (1, 3)
    assert len(model.questions) == 3


async def test_trouble_that_stays_is_told() -> None:
    """The tries are bounded; a query has one alone."""
    model = Model(status(503))
    async with embedder_of(model) as embedder:
        with pytest.raises(RetriableError, match="503"):
            await embedder.embed(["a"])
        assert len(model.questions) == openai.ATTEMPTS
        with pytest.raises(RetriableError, match="503"):
            await embedder.embed(["a"], is_query=True)
        assert len(model.questions) == openai.ATTEMPTS + 1


async def test_a_wrong_key_is_not_tried_again_at_once() -> None:
    """A 401 ends the asking, and neither the key nor the answer's text is told."""
    model = Model(status(401))
    async with embedder_of(model) as embedder:
        with pytest.raises(RetriableError) as failure:
            await embedder.embed(["a"])
    assert len(model.questions) == 1
    assert "hush" not in str(failure.value)


async def test_a_refused_text_is_told_apart() -> None:
    """A 400 means the texts: nobody needs to try these again; of a query it only means that there is no vector."""
    async with embedder_of(Model(status(400))) as embedder:
        with pytest.raises(PermanentError):
            await embedder.embed(["a"])
        with pytest.raises(RetriableError):
            await embedder.embed(["a"], is_query=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 0, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": [0, 0]}, {"index": 1, "embedding": [1, 1]}]}',
        b'{"data": [{"index": 0, "embedding": ["a"]}, {"index": 1, "embedding": ["b"]}]}',
        b'{"data": [{"index": 0, "embedding": [null]}, {"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}]}',
        b'{"data": [{"index": [], "embedding": [1]}, {"index": {}, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": 1}, {"index": 1, "embedding": 1}]}',
        b'{"data": [{"index": 0, "embedding": [1e308, 1e308]}, {"index": 1, "embedding": [1, 1]}]}',
        b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}, {"index": 2, "embedding": [1]}]}',
    ],
)
async def test_a_wrong_answer_is_no_vector(body: bytes) -> None:
    """Whatever is no unit vector for each text counts as no answer."""
    async with embedder_of(Model(raw(body))) as embedder:
        with pytest.raises(RetriableError):
            await embedder.embed(["a", "b"])
        assert embedder.fingerprint == ""


async def test_nobody_there() -> None:
    """An address that nobody answers at, or that is none, is told as one."""
    for url in ("http://127.0.0.1:1/v1", "http://[::1/v1"):
        embedder = OpenAiEmbedder(url, "m")
        with pytest.raises(RetriableError):
            await embedder.embed(["a"], is_query=True)
        await embedder.close()


async def test_a_query_waits_no_longer_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that hangs costs a query its time and no more."""
    monkeypatch.setattr(openai, "QUERY_SECONDS", 0.2)
    released = asyncio.Event()

    class Hanging(Model):
        async def ask(self, request: Request) -> Response:  # noqa: ARG002 - never read
            await released.wait()
            return Response()

    async with embedder_of(Hanging(well)) as embedder:
        with pytest.raises(RetriableError, match="TimeoutError"):
            async with asyncio.timeout(5):
                await embedder.embed(["a"], is_query=True)
        released.set()


async def test_odd_texts_are_asked_as_text() -> None:
    """A lone surrogate, an empty text and a very long one reach the model as plain short text."""
    model = Model(well)
    async with embedder_of(model) as embedder:
        await embedder.embed(["\ud83d", " ", "x" * 100_000])
    assert [len(text) for text in model.questions[0]["input"]] == [1, 1, openai.LONGEST_CHARACTERS]
