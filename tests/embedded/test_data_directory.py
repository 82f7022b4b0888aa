"""The data directory, and what is remembered in it."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from em_agent.embedded.data_directory import DataDirectory, is_free
from em_agent.embedded.files import explained
from em_agent.errors import ConfigurationError


@pytest.fixture
def home(data_dir: Path) -> DataDirectory:
    """A data directory that was just made."""
    home = DataDirectory(data_dir)
    home.create()
    return home


def test_others_cannot_list_it(home: DataDirectory) -> None:
    """It belongs to its owner; at most the servers' account may pass through."""
    assert stat.S_IMODE(home.path.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)


def test_passwords_are_kept_secret_and_stay_the_same(home: DataDirectory) -> None:
    """A password is generated once, differs from others, and lies in a file that only its owner reads."""
    password = home.password("postgres")
    assert len(password) >= 32
    assert password == DataDirectory(home.path).password("postgres") != home.password("nats")
    assert stat.S_IMODE((home.path / "credentials.json").stat().st_mode) == 0o600


def test_a_port_is_remembered_until_something_else_holds_it(home: DataDirectory) -> None:
    """The same port is given while it is free, another one when it is not."""
    port = home.port("postgres")
    assert home.port("postgres") == port
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        other = home.port("postgres")
        assert other != port
    assert home.port("postgres") == other


def test_a_broken_file_is_made_anew(home: DataDirectory) -> None:
    """A file of remembered ports that is not JSON does not stop the start."""
    (home.path / "ports.json").write_text("{")
    assert 0 < home.port("nats") < 65536


def test_a_path_below_a_file_is_one_clear_line(tmp_path: Path) -> None:
    """A directory that cannot be made is a wrong setting, named with its value."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"EM_AGENT_DATA_DIR is .*file/data.*not a directory"):
        DataDirectory(tmp_path / "file" / "data").create()


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    """What the system says of a full disk is told with the directory's name."""
    with pytest.raises(ConfigurationError, match="no space left on device") as caught, explained(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "\n" not in str(caught.value)


def test_a_link_in_place_of_a_file_is_replaced_not_followed(home: DataDirectory, tmp_path: Path) -> None:
    """Writing a file never writes through a link that lies in its place."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (home.path / "ports.json").symlink_to(victim)
    home.write_json("ports.json", {"nats": 1})
    assert victim.read_text() == "untouched"
    assert home.read_json("ports.json") == {"nats": 1}
