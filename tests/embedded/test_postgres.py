"""The embedded PostgreSQL."""

import os
import stat
from pathlib import Path

import psutil
import pytest

from em_agent.embedded.postgres import start_postgres
from em_agent.embedded.server import RunningServer
from em_agent.errors import ConfigurationError
from tests.embedded.stack import query


def _pid(server: RunningServer) -> int:
    assert server.server.process is not None
    return server.server.process.pid


def test_serves_safely(data_dir: Path) -> None:
    """It has UTF-8, checksums, pgvector and scram, is durable, listens on loopback alone, and is not root's."""
    server = start_postgres(data_dir)
    try:
        settings = dict(
            query(
                server.url,
                "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', "
                "'synchronous_commit', 'data_checksums', 'server_encoding', 'password_encryption', "
                "'listen_addresses', 'unix_socket_directories', 'jit')",
            )
        )
        assert settings == {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "password_encryption": "scram-sha-256",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "jit": "off",
        }
        assert query(server.url, "SELECT extname FROM pg_extension WHERE extname = 'vector'")
        assert query(server.url, "SELECT lower('ÄÖ')") == [("äö",)]
        process = psutil.Process(_pid(server))
        assert process.uids().real != 0
        assert {connection.laddr.ip for connection in process.net_connections()} == {"127.0.0.1"}
        wrong = server.url.replace(":" + server.url.split(":")[2].split("@")[0], ":wrong")
        with pytest.raises(Exception, match="password authentication failed"):
            query(wrong, "SELECT 1")
    finally:
        server.stop()
    for path in (data_dir / "postgres", data_dir / "postgres" / "data"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_keeps_its_data_and_its_address(data_dir: Path) -> None:
    """After a clean stop, and after a kill -9, it has its committed rows and the same URL."""
    server = start_postgres(data_dir)
    query(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
    server.stop()
    again = start_postgres(data_dir)
    assert again.url == server.url
    query(again.url, "INSERT INTO kept VALUES (2)")
    psutil.Process(_pid(again)).kill()
    again.stop()
    third = start_postgres(data_dir)
    assert third.url == server.url
    assert query(third.url, "SELECT n FROM kept ORDER BY n") == [(1,), (2,)]
    third.stop()


def test_an_interrupted_first_start_is_made_good(data_dir: Path) -> None:
    """What a start left that was killed while it made the cluster is thrown away."""
    half = data_dir / "postgres" / "new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (data_dir / "postgres" / "data").mkdir()
    (data_dir / "postgres" / "password").write_text("old")
    server = start_postgres(data_dir)
    assert query(server.url, "SELECT 1") == [(1,)]
    server.stop()
    assert not half.exists()
    assert not (data_dir / "postgres" / "password").exists()


def test_a_lost_database_is_made_again(data_dir: Path) -> None:
    """A start that was killed between the cluster and the database is completed by the next one."""
    server = start_postgres(data_dir)
    query(server.url.removesuffix("em_agent") + "postgres", "DROP DATABASE em_agent")
    server.stop()
    again = start_postgres(data_dir)
    assert query(again.url, "SELECT 1") == [(1,)]
    again.stop()


def test_a_process_id_of_somebody_else_does_not_stop_it(data_dir: Path) -> None:
    """A lock file whose number belongs to another program by now, as after a reboot, is not believed."""
    server = start_postgres(data_dir)
    psutil.Process(_pid(server)).kill()
    server.stop()
    lock = data_dir / "postgres" / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    again = start_postgres(data_dir)
    assert query(again.url, "SELECT 1") == [(1,)]
    again.stop()


def test_another_version_is_refused(data_dir: Path) -> None:
    """A cluster of another major version is left alone, and the error says which it is."""
    cluster = data_dir / "postgres" / "data"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(ConfigurationError, match="made by PostgreSQL 17, and this release brings 18"):
        start_postgres(data_dir)
    assert [entry.name for entry in cluster.iterdir()] == ["PG_VERSION"]


def test_lost_credentials_are_replaced(data_dir: Path) -> None:
    """A cluster whose password file is gone gets a new password, and has its data."""
    server = start_postgres(data_dir)
    query(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
    server.stop()
    (data_dir / "credentials.json").unlink()
    again = start_postgres(data_dir)
    assert again.url != server.url
    assert query(again.url, "SELECT n FROM kept") == [(1,)]
    again.stop()


def test_foreign_credentials_are_explained(data_dir: Path) -> None:
    """A cluster with another one's password file says which file to put back, and is stopped again."""
    server = start_postgres(data_dir)
    server.stop()
    (data_dir / "credentials.json").write_text('{"postgres": "another"}')
    with pytest.raises(ConfigurationError, match=r"credentials\.json"):
        start_postgres(data_dir)
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_its_own_last_word_is_told(data_dir: Path) -> None:
    """When the server refuses to start the error ends with its reason."""
    server = start_postgres(data_dir)
    query(server.url, "ALTER SYSTEM SET max_connections = 1")
    server.stop()
    with pytest.raises(ConfigurationError, match="superuser_reserved_connections"):
        start_postgres(data_dir)
