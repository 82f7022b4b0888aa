"""The data directory: what lies where in it, who may use it, and what is remembered between starts.

lock                 held by the supervisor that uses the directory; its text is that process's id
credentials.json     generated passwords
ports.json           where the servers listened last
endpoints.json       the addresses in use now; gone when nothing runs
processes.json       what was started, so that a later start can end what was left
postgres/, nats/     the servers' own files; as root they belong to the account that runs the servers
"""

import json
import os
import secrets
import socket
from pathlib import Path
from random import SystemRandom

from em_agent.embedded.accounts import Account, give, server_account
from em_agent.embedded.files import explained, write_private

# Below the ports that systems hand to outgoing connections, so that none of those takes a server's place.
_PORTS = range(15_000, 32_000)
_LOOPBACK = "127.0.0.1"


class DataDirectory:
    """The directory of one installation."""

    def __init__(self, path: Path) -> None:
        """Take the directory at `path`, which `create` makes."""
        self.path = path.absolute()
        self.account: Account | None = server_account()

    def create(self) -> None:
        """Make the directory where it is missing, and see that it can be written.

        Raises:
            ConfigurationError: it cannot be made or written.

        """
        with explained(self.path):
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                if self.account is not None:
                    self.path.chmod(0o711)  # the account may pass through to the servers' directories, not list it
            write_private(self.path / ".writable", "")
            (self.path / ".writable").unlink()

    def server_directory(self, name: str) -> Path:
        """The directory of a server's own files, made where it is missing; as root it is given to the account."""
        folder = self.path / name
        with explained(self.path):
            folder.mkdir(mode=0o700, exist_ok=True)
            give(folder, self.account)
        return folder

    def has_password(self, name: str) -> bool:
        """Whether the password of a server is remembered."""
        return name in self.read_json("credentials.json")

    def password(self, name: str) -> str:
        """The password of a server, generated when it is first asked for."""
        known = self.read_json("credentials.json")
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            self.write_json("credentials.json", known)
        return str(known[name])

    def port(self, name: str) -> int:
        """The port of a server: the one it had, else a free one, which is remembered."""
        known = self.read_json("ports.json")
        port = known.get(name)
        if not isinstance(port, int) or not is_free(port):
            port = free_port()
            self.write_json("ports.json", {**known, name: port})
        return port

    def read_json(self, name: str) -> dict[str, object]:
        """The object in a file; empty when there is none that can be read as one."""
        with explained(self.path):
            try:
                found = json.loads((self.path / name).read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError):
                return {}
        return found if isinstance(found, dict) else {}

    def write_json(self, name: str, content: dict[str, object]) -> None:
        """Put an object into a file of mode 0600."""
        with explained(self.path):
            write_private(self.path / name, json.dumps(content, indent=2) + "\n")

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with explained(self.path):
            (self.path / name).unlink(missing_ok=True)


def is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nothing listens on."""
    choose = SystemRandom()
    while True:
        port = choose.choice(_PORTS)
        if is_free(port):
            return port
