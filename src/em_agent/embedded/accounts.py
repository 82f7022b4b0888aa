"""The unprivileged account that servers run under when we are root, and what it may enter."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from em_agent.errors import ConfigurationError

# The first that exists: one made for the product, the one that a PostgreSQL package brings, the one that always is.
_NAMES = ("em-agent", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user of this machine by name and numbers."""

    name: str
    uid: int
    gid: int

    def can_read(self, path: Path) -> bool:
        """Whether this account can get at `path`, and read and execute it, by the permissions on the way."""
        real = path.resolve()
        return all(self._has(parent, stat.S_IXOTH) for parent in real.parents) and self._has(
            real, stat.S_IROTH | stat.S_IXOTH
        )

    def _has(self, path: Path, wanted: int) -> bool:
        found = path.stat()
        if found.st_uid == self.uid:
            shift = 6
        elif found.st_gid == self.gid:
            shift = 3
        else:
            shift = 0
        return (found.st_mode >> shift) & wanted == wanted


def server_account() -> Account | None:
    """The account for servers; None when we are not root, and servers simply run as we do.

    Raises:
        ConfigurationError: we are root and no such account exists.

    """
    if os.geteuid() != 0:
        return None
    for name in _NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    message = f"PostgreSQL does not run as root, and none of the users {', '.join(_NAMES)} exists: make one."
    raise ConfigurationError(message)


def give(path: Path, account: Account | None) -> None:
    """Make `path` and everything below it belong to `account`; its parents stay as they are."""
    if account is None or path.lstat().st_uid == account.uid:
        return
    for folder, _, names in os.walk(path):
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        for name in names:
            os.chown(Path(folder, name), account.uid, account.gid, follow_symlinks=False)
    # os.walk names the links to directories with the directories and does not enter them; there are none of ours.
