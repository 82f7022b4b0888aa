"""`em-agent backup` and `em-agent restore`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from em_agent.embedded.lock import is_locked
from tests.cli.conftest import Command
from tests.embedded.stack import Stack, query

pytestmark = pytest.mark.slow

EVENTS = "SELECT count(*) FROM events_raw"
STORE = "INSERT INTO events_raw (source, delivery_id, payload) VALUES ('pagerduty', '{}', '{{}}') RETURNING id"
MANY = """
INSERT INTO events_raw (source, delivery_id, payload) SELECT 'jira', n::text, '{}' FROM generate_series(1, 400000) AS n
"""


def test_of_what_runs_and_of_what_does_not(em_agent: Command, stack: Stack, tmp_path: Path) -> None:
    """Both give a whole backup; what is restored from it starts, and ids go on."""
    stack.start()
    (first,) = query(stack.endpoints["database_url"], STORE.format("a"))
    running = em_agent("backup", "running.backup", "--json")
    assert running.returncode == 0, running.stderr
    told = json.loads(running.stdout)
    assert told["bytes"] == (tmp_path / "running.backup").stat().st_size
    in_use = em_agent("restore", "running.backup")
    assert (in_use.returncode, in_use.stdout) == (1, "")
    assert "runs already" in in_use.stderr
    stack.stop()
    stopped = em_agent("backup")
    assert stopped.returncode == 0, stopped.stderr
    (file,) = tmp_path.glob("em-agent-*.backup")
    assert stopped.stdout.startswith(f"{file.name}: ")
    filled = em_agent("restore", file.name)
    assert filled.returncode == 1
    assert "is not empty" in filled.stderr

    other = Stack(tmp_path / "other")
    for name in ("running.backup", file.name):
        other.data_dir = tmp_path / f"of-{name}"
        other.environment["EM_AGENT_DATA_DIR"] = str(other.data_dir)
        restored = em_agent("restore", name, "--json", EM_AGENT_DATA_DIR=str(other.data_dir))
        assert restored.returncode == 0, restored.stderr
        assert json.loads(restored.stdout)["events"] == 1
        try:
            other.start()
            url = other.endpoints["database_url"]
            assert query(url, EVENTS) == [(1,)]
            assert query(url, STORE.format("b")) > [first]
            other.stop()
        finally:
            other.clean_up()


def test_nothing_there(em_agent: Command, tmp_path: Path) -> None:
    """Where there is no database or no backup, a sentence says so, and nothing is made."""
    backup = em_agent("backup")
    assert backup.returncode == 1
    assert "There is no database" in backup.stderr
    assert em_agent("restore", "none").returncode == 1
    (tmp_path / "text").write_text("not a backup")
    other = em_agent("restore", "text")
    assert other.returncode == 1
    assert "is no backup" in other.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_cluster(
    em_agent: Command, stack: Stack, tmp_path: Path, signum: signal.Signals
) -> None:
    """Ctrl-C while it restores ends everything; the directory has no database, and may be filled then."""
    stack.start()
    query(stack.endpoints["database_url"], MANY)
    assert em_agent("backup", "a.backup").returncode == 0
    stack.stop()
    target = tmp_path / "new"
    with subprocess.Popen(
        [sys.executable, "-m", "em_agent", "restore", "a.backup"],
        env={**os.environ, "EM_AGENT_DATA_DIR": str(target)}, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert "MB restored" in process.stderr.readline()
        process.send_signal(signum)
        assert "Interrupted" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert not (target / "postgres").exists()
    assert not is_locked(target)
    again = em_agent("restore", "a.backup", "--json", EM_AGENT_DATA_DIR=str(target))
    assert json.loads(again.stdout)["events"] == 400_000, again.stderr
