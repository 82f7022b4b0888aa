"""Opens the models that turn text into vectors and write answers, from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from em_agent.search.embedder import Embedder
from em_agent.search.embedding.bundled import BundledEmbedder, is_installed
from em_agent.settings import NO_EMBEDDINGS, Settings

if TYPE_CHECKING:  # it reads questions and answers, which few roles do
    from em_agent.ask.model import Model

log = structlog.get_logger()


@asynccontextmanager
async def open_embedder(settings: Settings) -> AsyncIterator[Embedder | None]:
    """The model that turns text into vectors, closed on exit; None where words alone are to do."""
    embedder = _embedder(settings)
    try:
        yield embedder
    finally:
        if embedder is not None:
            await embedder.close()


def _embedder(settings: Settings) -> Embedder | None:
    if settings.embeddings_url == NO_EMBEDDINGS:
        return None
    if settings.embeddings_url is not None and settings.embeddings_model is not None:
        from em_agent.search.embedding.openai import OpenAiEmbedder  # noqa: PLC0415 - an HTTP client, for few

        key = settings.embeddings_api_key
        return OpenAiEmbedder(
            settings.embeddings_url, settings.embeddings_model, key.get_secret_value() if key else None
        )
    if not is_installed():
        log.warning("embedder.not_installed", effect="search by words alone", mend="set EMBEDDINGS_URL")
        return None
    return BundledEmbedder()


@asynccontextmanager
async def open_model(settings: Settings) -> "AsyncIterator[Model | None]":
    """The language model that may write answers, closed on exit; None where they are made of quotes."""
    if settings.llm_url is None or settings.llm_model is None:
        yield None
        return
    from em_agent.ask.model import Model  # noqa: PLC0415 - an HTTP client, for few

    key = settings.llm_api_key
    model = Model(settings.llm_url, settings.llm_model, key.get_secret_value() if key else None)
    try:
        yield model
    finally:
        await model.close()
