"""Scratch directories: gone with their process, however it ends."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from em_agent.kit.scratch import scratch_directory

_HOLD = """
import sys
from em_agent.kit.scratch import scratch_directory
with scratch_directory() as path:
    print(path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_gone_on_exit(tmp_path: Path) -> None:
    """Nothing stays of a directory once its process is done with it."""
    with scratch_directory() as path:
        (path / "file").write_text("text")
        assert path.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed() -> None:
    """The directory of a process that lives is left alone; that of one that was killed is removed."""
    with subprocess.Popen([sys.executable, "-c", _HOLD], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        path = Path(other.stdout.readline().strip())
        with scratch_directory():
            assert path.is_dir()
        other.kill()
        other.wait()
        assert path.is_dir()
        with scratch_directory():
            assert not path.exists()
