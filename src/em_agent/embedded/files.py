"""Files that only their owner reads, written so that a crash leaves the old one or the new one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from em_agent.embedded.accounts import Account
from em_agent.errors import ConfigurationError


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the file system refuses (no permission, no room, no directory) into one line for the user.

    Raises:
        ConfigurationError: instead of any OSError.

    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        where = f" ({error.filename})" if error.filename and str(error.filename) != str(path) else ""
        message = (
            f"EM_AGENT_DATA_DIR is {path}, which cannot be used: {reason}{where}. "
            "Make room, give this user the directory, or name another one."
        )
        raise ConfigurationError(message) from error


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Put `text` at `path` with mode 0600, for `account` where one is given.

    The file is made under another name and renamed, which also never follows a link that someone put in its place.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if account is not None:
                os.fchown(descriptor, account.uid, account.gid)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk, so that a rename in it outlives a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
