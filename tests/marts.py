"""Databases for tests that have no event loop, what builds their marts, and events put into them."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from em_agent.workers import transformer as product
from em_agent.workers.project import PROJECT_DIR
from em_agent.workers.transformer import Summary
from tests.conftest import TEMPLATE, dbt_directory, with_database


class Transformer:
    """The product's, for tests that have no event loop."""

    def __init__(self, database_url: str, work_dir: Path, project_dir: Path = PROJECT_DIR) -> None:
        self._transformer = product.Transformer(database_url, work_dir, project_dir)

    def run(self, *, full_refresh: bool = False) -> Summary:
        return asyncio.run(self._transformer.run(full_refresh=full_refresh))


@contextlib.contextmanager
def _copy(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    _run(_execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield with_database(server_url, name)
    finally:
        _run(_execute(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(postgres_url: str, marts_template: str) -> Iterator[str]:
    """A database of its own with marts of nothing, for tests that have no event loop."""
    with _copy(postgres_url, marts_template) as url:
        yield url


@pytest.fixture
def bare_url(postgres_url: str) -> Iterator[str]:
    """The same without marts."""
    with _copy(postgres_url, TEMPLATE) as url:
        yield url


@pytest.fixture
def transformer(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    """What brings the marts of the test's database up to date."""
    return Transformer(database_url, dbt_directory(tmp_path_factory))


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _run(work: Any) -> Any:
    return asyncio.run(work)


def execute(url: str, sql: str) -> None:
    """Run statements on the database."""
    _run(_execute(url, sql))


def fetch(url: str, sql: str, *arguments: object) -> list[dict[str, Any]]:
    """The rows of a query."""

    async def run() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url, server_settings={"TimeZone": "UTC"})
        try:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]
        finally:
            await connection.close()

    rows: list[dict[str, Any]] = _run(run())
    return rows


# Delivery id, body, occurred_at, received_at, and the source where it is no webhook.
Stored = tuple[str, str, datetime | None, datetime] | tuple[str, str, datetime | None, datetime, str]


def store(url: str, events: Iterable[Stored]) -> None:
    """Put events into `events_raw` and the outbox, as the gateway and crawls do."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.executemany(
                "WITH e AS (INSERT INTO events_raw (delivery_id, payload, occurred_at, received_at, source) "
                "VALUES ($1, $2::text::json, $3, $4, $5) RETURNING id, source) "
                "INSERT INTO outbox (event_id, source) SELECT id, source FROM e",
                [(*event, "pagerduty")[:5] for event in events],
            )
        finally:
            await connection.close()

    _run(run())


def body(event_type: str, data: object, agent: object = None) -> str:
    """The body of a webhook."""
    return json.dumps({"event": {"event_type": event_type, "agent": agent, "data": data}})
