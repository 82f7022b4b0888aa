"""The process tree: starts, deaths, restarts, ends."""

import asyncio
import socket
import sys
import urllib.request
from pathlib import Path
from signal import SIGINT, SIGTERM

import asyncpg
import psutil
import pytest

from em_agent.embedded.postgres import start_postgres
from tests.embedded.stack import Stack, answers, eventually, query


def _gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_starts_stops_and_starts_again_with_its_data(stack: Stack) -> None:
    """A clean stop leaves no process, and the next start finds what the first one wrote, at the same addresses."""
    stack.start()
    first = stack.endpoints
    query(first["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    tree = stack.tree()
    assert stack.stop() == 0
    assert _gone(tree)
    stack.start()
    assert stack.endpoints == first
    assert query(first["database_url"], "SELECT answer FROM kept") == [(42,)]
    assert stack.stop(SIGINT) == 0


def test_has_migrations_and_vectors_before_roles_start(stack: Stack) -> None:
    """A role finds a migrated database with pgvector behind the DATABASE_URL in its environment."""
    stack.start()
    with urllib.request.urlopen(stack.endpoints["api_url"]) as answer:
        seen = answer.read().decode()
    assert seen == stack.endpoints["database_url"]
    assert query(seen, "SELECT '[1,2]'::vector <-> '[1,2]'::vector") == [(0.0,)]
    assert query(seen, "SELECT count(*) > 0 FROM schema_migrations") == [(True,)]
    assert stack.stop() == 0


_FORKED = "em-agent forked" if sys.platform == "linux" else "sleep 1001"


@pytest.mark.parametrize("victim", ["postgres", "nats-server", "sleep 1000", "http.server", _FORKED])
def test_restarts_what_dies(stack: Stack, victim: str) -> None:
    """A part that is killed comes back, at the same address, and the data is there."""
    stack.start()
    url = stack.endpoints["database_url"]
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    old = stack.kill(victim)

    def is_back() -> bool:
        child = stack.child(victim)
        return child is not None and child.pid != old

    eventually(is_back)
    eventually(lambda: answers(url))
    assert query(url, "SELECT answer FROM kept") == [(42,)]
    assert stack.stop() == 0


def test_restarts_postgres_under_a_busy_session(stack: Stack) -> None:
    """A session that goes on after its postmaster was killed does not keep the server from starting again."""
    stack.start()
    url = stack.endpoints["database_url"]
    busy = "SELECT pg_sleep(0), count(*) FROM generate_series(1, 1000000000)"
    is_running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(0)%'"

    async def scenario() -> None:
        connection = await asyncpg.connect(url)
        query_task = asyncio.ensure_future(connection.fetch(busy))
        while await asyncio.to_thread(query, url, is_running) == [(0,)]:
            await asyncio.sleep(0.02)
        stack.kill("postgres")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await query_task
        connection.terminate()

    asyncio.run(scenario())
    eventually(lambda: answers(url))
    assert stack.stop() == 0


def test_takes_everything_along_when_it_is_killed(stack: Stack) -> None:
    """After a kill -9 of the supervisor nothing is left, and a start right away works and has the data."""
    stack.start()
    query(stack.endpoints["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    tree = stack.tree()
    tree[0].kill()
    stack.wait()
    stack.start()
    assert _gone(tree)
    assert query(stack.endpoints["database_url"], "SELECT answer FROM kept") == [(42,)]
    assert stack.stop() == 0


def test_starts_after_everything_was_killed(stack: Stack) -> None:
    """A kill -9 of every process at once loses no committed row."""
    stack.start()
    query(stack.endpoints["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    stack.kill_all()
    stack.wait()
    stack.start()
    assert query(stack.endpoints["database_url"], "SELECT answer FROM kept") == [(42,)]
    assert stack.stop() == 0


def test_uses_an_external_database(tmp_path: Path, data_dir: Path) -> None:
    """With DATABASE_URL set alone, NATS is embedded still, and the external database is migrated and left running."""
    external = start_postgres(tmp_path / "external")
    stack = Stack(data_dir, DATABASE_URL=external.url)
    try:
        stack.start()
        assert stack.endpoints["database_url"] == external.url
        assert stack.child("nats-server") is not None
        assert not (data_dir / "postgres").exists()
        assert stack.stop() == 0
        assert query(external.url, "SELECT count(*) > 0 FROM schema_migrations") == [(True,)]
    finally:
        stack.clean_up()
        external.stop()


def test_refuses_a_second_start(stack: Stack) -> None:
    """A second start on the directory names the first one's process id and exits 1, and the first goes on."""
    stack.start()
    assert stack.process is not None
    second = Stack(stack.data_dir)
    second.launch()
    assert second.wait() == 1
    assert f"process id {stack.process.pid}" in stack.errors()
    assert answers(stack.endpoints["database_url"])
    assert stack.stop() == 0


def test_says_which_port_is_taken(stack: Stack, data_dir: Path) -> None:
    """A port that another program has is one line that names the setting, before any server starts."""
    with socket.create_server(("127.0.0.1", int(stack.environment["EM_AGENT_CONNECTORS_PORT"]))):
        stack.launch()
        assert stack.wait() == 1
    lines = stack.errors().splitlines()
    assert len(lines) == 1
    assert "EM_AGENT_CONNECTORS_PORT" in lines[0]
    assert not (data_dir / "postgres").exists()


def test_stops_when_a_role_refuses_to_start(data_dir: Path) -> None:
    """A role that ends at once again and again stops the start, with its name, and leaves nothing running."""
    stack = Stack(data_dir, EXTRA_ROLE="echo bad setting >&2; exit 3")
    stack.launch()
    assert stack.wait() == 1
    assert "bad setting" in stack.errors()
    assert "The extra part ends with status 3" in stack.errors().splitlines()[-1]


def test_a_second_signal_hastens_the_end(data_dir: Path) -> None:
    """A role that ignores SIGTERM holds the stop up only until the user asks again."""
    stack = Stack(data_dir, EXTRA_ROLE="trap '' TERM; while :; do sleep 1; done")
    stack.start()
    assert stack.process is not None
    stack.process.send_signal(SIGTERM)
    eventually(lambda: stack.child("sleep 1000") is None)
    assert stack.process.poll() is None
    assert stack.stop() == 0
