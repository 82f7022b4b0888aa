"""Real servers for every test: one PostgreSQL and one NATS a session, a database of its own for each test."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from nats.aio.client import Client

from em_agent.embedded.nats import start_nats
from em_agent.embedded.postgres import start_postgres
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool, migrate, open_pool
from em_agent.workers.transformer import Transformer

settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("ci")

TEMPLATE = "em_agent_template"
_SETTINGS = ("EM_AGENT_", "PAGERDUTY_", "DATABASE_URL", "NATS_URL", "EMBEDDINGS_", "LLM_", "SLACK_")
_numbers = itertools.count(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of whoever runs it, nor an .env file that lies about."""
    for name in list(os.environ):
        if name.startswith(_SETTINGS) or "_WEBHOOK_SECRET" in name:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL for the session."""
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    asyncio.run(_make_template(server.url))
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS for the session."""
    server = start_nats(tmp_path_factory.mktemp("nats"))
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def marts_template(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with marts of nothing: to copy it costs a tenth of building them."""
    name = f"{TEMPLATE}_marts"
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    asyncio.run(Transformer(with_database(postgres_url, name), dbt_directory(tmp_path_factory)).run())
    return name


def dbt_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt writes, so that tests share what it parsed."""
    return tmp_path_factory.getbasetemp() / "dbt"


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A database with the newest schema, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield with_database(postgres_url, name)
    await _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on the test's database."""
    async with open_pool(database_url, name="test", size=4) as opened:
        yield opened


@pytest.fixture
async def nats_url(nats_server: str) -> str:
    """NATS without any stream of an earlier test."""
    async with open_client(nats_server, name="test") as client:
        js = client.jetstream()
        for stream in await js.streams_info():
            with contextlib.suppress(Exception):
                await js.delete_stream(stream.config.name or "")
    return nats_server


@pytest.fixture
async def nats_client(nats_url: str) -> AsyncIterator[Client]:
    """A client of the test's NATS."""
    async with open_client(nats_url, name="test") as client:
        yield client


def with_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _make_template(url: str) -> None:
    await _execute(url, f"CREATE DATABASE {TEMPLATE}")
    await migrate(with_database(url, TEMPLATE))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
