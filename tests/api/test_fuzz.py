"""Requests that are made up from the API's own description: no failure, and every answer as described."""

import asyncio
import contextlib
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from em_agent.incidents import store
from em_agent.kit.postgres import migrate
from tests.conftest import with_database
from tests.domain.test_incidents import ev
from tests.processes import Roles
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway of its own, with an incident, and without a secret, so that made-up webhooks get in."""
    name = f"fuzz_{os.getpid()}"
    url = with_database(postgres_url, name)
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name}"))
    asyncio.run(_fill(url))
    roles = Roles(url, "nats://127.0.0.1:1", tmp_path_factory.mktemp("fuzz"))
    try:
        base = roles.start_gateway("gateway", PAGERDUTY_WEBHOOK_SECRET="")
        _wait_for(f"{base}/healthz")
        yield base
        assert roles.is_running("gateway"), roles.log("gateway")[-3000:]
        assert '"traceback"' not in roles.log("gateway")
    finally:
        roles.end()
        asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


def test_the_api_is_as_described(address: str) -> None:
    """No request makes a 5xx but where NATS is asked for, and each answer has a status and shape that are described."""
    description: Any = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [result.ok() for result in description.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(operation, mode)


def _try(operation: Any, mode: GenerationMode) -> None:
    checks = schemathesis.checks
    # A time or a cursor is a text, but not every text is one; an empty value counts as none. There is no NATS, which
    # /readyz says by its 503.
    excluded: list[Any] = [
        positive_data_acceptance,
        negative_data_rejection,
        *([checks.not_a_server_error] if operation.path == "/readyz" else []),
    ]

    @settings(
        max_examples=80, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def try_one(case: Any) -> None:  # generic in much
        case.call_and_validate(excluded_checks=excluded)

    with contextlib.suppress(Unsatisfiable):  # an operation that takes nothing has nothing wrong to be given
        try_one()


async def _fill(url: str) -> None:
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        await store.apply(connection, [ev("triggered", 0), ev("acknowledged", 60), ev("resolved", 600)])
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _wait_for(url: str) -> None:
    async def is_up() -> bool:
        def ask() -> bool:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)

        return await asyncio.to_thread(ask)

    asyncio.run(eventually(is_up, 20))
