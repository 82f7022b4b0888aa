"""The account for servers, and what it can enter."""

import os
from pathlib import Path

import pytest

from em_agent.embedded.accounts import Account, give, server_account

_STRANGER = Account("stranger", uid=54321, gid=54321)


def test_root_runs_servers_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root there is an account, and it is not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    account = server_account()
    assert account is not None
    assert account.uid != 0


def test_a_user_runs_servers_as_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root's rights there is no other account."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_account() is None


def test_sees_a_closed_parent(tmp_path: Path) -> None:
    """A program below a directory that others may not enter is out of reach, whatever its own mode is."""
    program = tmp_path / "program"
    program.touch(mode=0o755)
    tmp_path.chmod(0o700)
    assert not _STRANGER.can_read(program)


def test_sees_an_open_way() -> None:
    """A program of the system is in reach."""
    assert _STRANGER.can_read(Path("/bin/sh"))


def test_sees_a_program_that_others_may_not_run(tmp_path: Path) -> None:
    """The owner's and the group's rights count for them alone."""
    program = tmp_path / "program"
    program.touch()
    program.chmod(0o750)
    owner = Account("owner", program.stat().st_uid, 54321)
    assert owner._has(program, 0o5)
    assert not _STRANGER._has(program, 0o5)


def test_gives_a_directory_and_leaves_its_parent_alone(tmp_path: Path) -> None:
    """Everything below changes hands; the parent keeps its owner and mode."""
    if os.geteuid() != 0:
        give(tmp_path, None)
        assert tmp_path.stat().st_uid == os.geteuid()
        return
    before = tmp_path.stat()
    folder = tmp_path / "given"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").touch()
    give(folder, _STRANGER)
    assert {path.stat().st_uid for path in [folder, *folder.rglob("*")]} == {_STRANGER.uid}
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_mode) == (before.st_uid, before.st_mode)
