"""A model behind an OpenAI-compatible address: `POST <url>/embeddings`.

It is asked for `{"model": …, "input": ["…", …]}` and answers `{"data": [{"index": 0, "embedding": [0.1, …]}, …]}`, in
any order: https://platform.openai.com/docs/api-reference/embeddings/create
"""

import asyncio
import hashlib
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx2
import orjson

from em_agent.addresses import goes_direct
from em_agent.errors import PermanentError, RetriableError
from em_agent.search.embedder import Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH_SIZE = 64
# Whoever searches waits for one try and gets what the words alone find; whoever indexes can wait.
QUERY_SECONDS, PASSAGES_SECONDS = 2.0, 30.0
ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 20.0
LONGEST_CHARACTERS = 16_384
# What pgvector's index takes of half-precision numbers.
LARGEST_DIMENSIONS = 4000

# The texts are at fault, and not who asks or where.
_REFUSALS = {400, 413, 422}
_TOO_MANY = 429
_SERVER_ERROR = 500
_OK = 200


class OpenAiEmbedder:
    """A model elsewhere; what it is called and how long its vectors are makes its fingerprint."""

    def __init__(self, url: str, model: str, api_key: str | None = None) -> None:
        """Ask `model` at `url`, the base up to `/v1`; nothing is asked yet."""
        self._url = f"{url.rstrip('/')}/embeddings"
        self._model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.AsyncClient(headers=headers, trust_env=not goes_direct(url))
        self._name = f"{model}:{hashlib.sha256(self._url.encode()).hexdigest()[:16]}"
        self._dimensions = 0

    @property
    def fingerprint(self) -> str:
        """The model's name, where it is and how long its vectors are; empty until its first answer."""
        return f"{self._name}:{self._dimensions}" if self._dimensions else ""

    @property
    def dimensions(self) -> int:
        """The length of its newest vectors; 0 until its first answer."""
        return self._dimensions

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """The texts' unit vectors; a query gets one short try.

        Raises:
            RetriableError: the model does not answer, or not what was asked.
            PermanentError: it refuses one of the texts, which are no query.

        """
        import numpy as np  # noqa: PLC0415

        batches = [texts[start : start + BATCH_SIZE] for start in range(0, len(texts), BATCH_SIZE)]
        try:
            found = [await self._batch(batch, is_query=is_query) for batch in batches]
        except PermanentError as error:
            if is_query:
                raise RetriableError(str(error)) from error
            raise
        if len({vectors.shape[1] for vectors in found}) > 1:
            message = "The embedding model answers with vectors of different lengths."
            raise RetriableError(message)
        return np.vstack(found) if found else np.empty((0, self._dimensions), np.float32)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _batch(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        attempts, seconds = (1, QUERY_SECONDS) if is_query else (ATTEMPTS, PASSAGES_SECONDS)
        for attempt in range(1, attempts):
            try:
                return await self._ask(texts, seconds)
            except _BusyError as error:
                await asyncio.sleep(_pause(attempt, error.retry_after))
        return await self._ask(texts, seconds)

    async def _ask(self, texts: Sequence[str], seconds: float) -> Vectors:
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.post(self._url, json=self._question(texts), timeout=seconds)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            message = f"The embedding model does not answer: {str(error) or type(error).__name__}"
            raise _BusyError(message) from error
        status = response.status_code
        if status == _OK:
            vectors = _vectors(response.content, len(texts))
            self._dimensions = vectors.shape[1]
            return vectors
        message = f"The embedding model answers {status}."  # and no more of it, which may hold the key
        if status in _REFUSALS:
            raise PermanentError(message)
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise _BusyError(message, response.headers.get("Retry-After"))
        raise RetriableError(message)  # a wrong key, say: the same again at once gets the same

    def _question(self, texts: Sequence[str]) -> dict[str, Any]:
        # Some refuse an input of nothing, and all of them half a character.
        readable = [text[:LONGEST_CHARACTERS].encode("utf-8", "replace").decode("utf-8") for text in texts]
        return {"model": self._model, "input": [text if text.strip() else "-" for text in readable]}


class _BusyError(RetriableError):
    """The model may answer soon; `retry_after` is what it says of that."""

    def __init__(self, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def _pause(attempt: int, retry_after: str | None = None) -> float:
    """Seconds until the next try: what the server asks for, in bounds, else longer each time."""
    if retry_after is not None and retry_after.strip().isdecimal():
        return min(float(retry_after), LONGEST_PAUSE_SECONDS)
    return 0.25 * 2.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _vectors(body: bytes, count: int) -> Vectors:
    """The unit vectors of the answer, one for each text, in their order."""
    import numpy as np  # noqa: PLC0415

    try:
        items = orjson.loads(body)["data"]
        by_index = {item.get("index", place): item["embedding"] for place, item in enumerate(items)}
        rows = [by_index[index] for index in range(count)]
        vectors: NDArray[np.float64] = np.array(rows, np.float64)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"The embedding model answers with something else than vectors: {error!r}"
        raise RetriableError(message) from error
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    is_whole = vectors.ndim == 2 and len(items) == count and 0 < vectors.shape[1] <= LARGEST_DIMENSIONS  # noqa: PLR2004
    if not is_whole or not np.isfinite(lengths).all() or not (lengths > 0).all():
        message = f"The embedding model answers {count} texts with {len(items)} vectors, shape {vectors.shape}."
        raise RetriableError(message)
    unit: Vectors = (vectors / lengths).astype(np.float32)
    return unit
