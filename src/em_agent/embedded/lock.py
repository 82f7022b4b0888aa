"""One supervisor for each data directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from em_agent.embedded.files import explained
from em_agent.errors import ConflictError

_NAME = "lock"
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.02


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the data directory. The system lets go of it when this process ends, however it ends.

    Raises:
        ConflictError: another process holds it.

    """
    with explained(directory):
        descriptor = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _taken(descriptor):
            pid = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            message = (
                f"EM_AGENT_DATA_DIR is {directory}, where em-agent runs already with process id {pid}: "
                "stop that one, or name another directory."
            )
            raise ConflictError(message)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Whether the lock is ours; asked a few times, since `is_locked` holds it for a moment."""
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def is_locked(directory: Path) -> bool:
    """Whether a supervisor runs on the data directory.

    Raises:
        ConfigurationError: this user may not look into it.

    """
    with explained(directory):
        try:
            descriptor = os.open(directory / _NAME, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
