"""One supervisor for each data directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from em_agent.embedded.lock import is_locked, locked
from em_agent.errors import ConflictError

_HOLD = """
import sys
from pathlib import Path
from em_agent.embedded.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_learns_who_was_first(tmp_path: Path) -> None:
    """Whoever comes second is told the process id of the first."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_locked(tmp_path)
        with pytest.raises(ConflictError, match=f"process id {holder.pid}:"), locked(tmp_path):
            pass
        holder.kill()
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_that_was_never_used_is_free(tmp_path: Path) -> None:
    """Asking makes nothing."""
    assert not is_locked(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
