"""Data directories and process trees for the tests of the embedded servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.stack import Stack


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that does not exist yet, whose path has a space and letters beyond ASCII.

    Its parents are closed to others, as pytest makes them.
    """
    return tmp_path / "Datên von em-agent"


@pytest.fixture
def stack(data_dir: Path) -> Iterator[Stack]:
    """A process tree that can be started, with stand-ins for the roles."""
    stack = Stack(data_dir)
    yield stack
    stack.clean_up()
