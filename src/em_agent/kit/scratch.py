"""A directory for files that a process needs while it runs."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "em-agent-scratch-"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A new directory that only we can read, gone on exit; so are those that killed processes left behind.

    A process that lives holds a lock on its directory. The system lets go of it however the process ends.
    """
    folder = Path(tempfile.gettempdir())
    for left in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(left):  # it is another's, or in use
            shutil.rmtree(left)
    path, descriptor = _made(folder)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _made(folder: Path) -> tuple[Path, int]:
    """A new directory and the lock on it."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        with contextlib.suppress(OSError):  # another process took it for one that was left behind
            descriptor = _lock(path)
            if path.is_dir():
                return path, descriptor
            os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    """A descriptor of the directory, which nobody else locks until it is closed.

    Raises:
        OSError: it is somebody else's, or locked.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
