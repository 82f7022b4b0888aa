"""The embedded servers under the users that they may be started by."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from em_agent.embedded.accounts import Account, server_account

_SERVE = """
import sys
from pathlib import Path
from em_agent.embedded.nats import start_nats
from em_agent.embedded.postgres import start_postgres
home = Path(sys.argv[1])
for _ in range(2):
    servers = [start_postgres(home), start_nats(home)]
    for server in servers:
        server.stop()
print("served")
"""


def _account() -> Account | None:
    """Whom root can start Python as: none where the interpreter or the package lie in a closed directory."""
    account = server_account()
    needed = [Path(sys.executable), Path(sys.base_prefix), Path(__file__).parents[2] / "src" / "em_agent"]
    return account if account is not None and all(account.can_read(path) for path in needed) else None


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A data directory in a directory that everybody can enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder) / "data"


def _serve(home: Path, account: Account | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _SERVE, str(home)],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PATH": os.defpath},
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_user_without_rights_starts_them(open_home: Path) -> None:
    """An ordinary user's servers run as that user, and every file is theirs."""
    account = _account()
    outcome = _serve(open_home, account)
    assert outcome.stdout == "served\n", outcome.stderr
    owner = os.geteuid() if account is None else account.uid
    if os.geteuid() != 0 or account is not None:
        assert {path.lstat().st_uid for path in open_home.rglob("*")} == {owner}


def test_a_directory_of_root_is_refused_to_others_in_one_line(open_home: Path) -> None:
    """Who may not write the directory is told so."""
    open_home.mkdir(mode=0o500)
    account = _account()
    if os.geteuid() == 0 and account is None:  # root writes everywhere: its servers simply start
        assert _serve(open_home, None).stdout == "served\n"
        return
    outcome = _serve(open_home, account)
    assert outcome.stderr.splitlines()[-1].startswith("em_agent.errors.ConfigurationError: EM_AGENT_DATA_DIR is ")
    assert "permission denied" in outcome.stderr.splitlines()[-1]


def test_root_gives_away_the_servers_directories_alone(tmp_path: Path) -> None:
    """Below closed parents, whose modes stay, root's servers run; credentials stay root's."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "data"
    outcome = _serve(home, None)
    assert outcome.stdout == "served\n", outcome.stderr
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (home / "credentials.json").stat().st_uid == os.geteuid()
    account = server_account()
    owner = os.geteuid() if account is None else account.uid
    for name in ("postgres", "nats"):
        assert {path.lstat().st_uid for path in [home / name, *(home / name).rglob("*")]} == {owner}
