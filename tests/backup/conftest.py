"""Databases to fill, and what is in one."""

import os
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import pytest

from tests.conftest import TEMPLATE, with_database

_numbers = count(1)


async def execute(url: str, statement: str) -> None:
    """Run statements on a database."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _made(postgres_url: str, rest: str = "") -> AsyncIterator[str]:
    name = f"backup_{os.getpid()}_{next(_numbers)}"
    await execute(postgres_url, f"CREATE DATABASE {name} {rest}")
    yield with_database(postgres_url, name)
    await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database with nothing in it but pgvector, as a data directory has it."""
    async for url in _made(postgres_url):
        await execute(url, "CREATE EXTENSION vector")
        yield url


@pytest.fixture
async def bare_url(postgres_url: str) -> AsyncIterator[str]:
    """A database with nothing in it."""
    async for url in _made(postgres_url):
        yield url


@pytest.fixture
async def template_url(postgres_url: str) -> AsyncIterator[str]:
    """A database as the migrations make it."""
    async for url in _made(postgres_url, f"TEMPLATE {TEMPLATE}"):
        yield url


async def relations(url: str) -> set[str]:
    """Every relation of ours, by its name."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace::regnamespace::text "
            "IN ('public', 'search', 'warehouse')"
        )
        return {row["name"] for row in rows}
    finally:
        await connection.close()


async def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of every table, by the table's name, and where each sequence stands."""
    connection = await asyncpg.connect(url)
    try:
        found: dict[str, list[Any]] = {}
        tables = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace::regnamespace::text IN ('public', 'search', 'warehouse')"
        )
        for (name,) in tables:
            rows = await connection.fetch(f"SELECT t::text AS row FROM {name} AS t")
            found[name] = sorted(row["row"] for row in rows)
        found["sequences"] = [
            tuple(row)
            for row in await connection.fetch(
                "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
            )
        ]
        return found
    finally:
        await connection.close()
