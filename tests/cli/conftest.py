"""A process tree for the commands that look at one, and marts for those that read them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.stack import Stack
from tests.marts import (
    database_url,  # noqa: F401
    transformer,  # noqa: F401
)

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A process tree that can be started, with stand-ins for the roles."""
    stack = Stack(tmp_path / "data")
    yield stack
    stack.clean_up()


@pytest.fixture
def em_agent(tmp_path: Path) -> Command:
    """Runs the command with words and settings, as a user does."""

    def run(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "em_agent", *words],
            env={**os.environ, "EM_AGENT_DATA_DIR": str(tmp_path / "data"), **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
