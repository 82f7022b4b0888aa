"""Writes a backup: a consistent picture of the whole database, taken while it is in use."""

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from em_agent.backup import programs
from em_agent.embedded.files import sync_directory
from em_agent.errors import ConfigurationError, ConflictError, NotFoundError
from em_agent.kit import postgres

_LOOK_SECONDS = 1.0
# What the worker builds of the rest at its first run: a third of the file, and a full build of it would have to wait
# until the backup is written.
_MARTS = ("warehouse.(stg|int|fct|dim)_*", "warehouse.*freshness")

# Called now and then with the bytes that are written.
Report = Callable[[int], None]


@dataclass(frozen=True)
class Backup:
    """A backup that was written."""

    file: str
    bytes: int
    seconds: float


async def write_backup(url: str, target: Path, *, is_forced: bool, report: Report) -> Backup:
    """The backup of the database at `url`, in the file `target`; it is there once it is whole, and never before.

    Raises:
        ConflictError: the file is there already, and `is_forced` is not given.
        NotFoundError: the database holds nothing of ours.
        ConfigurationError: the file cannot be written.
        RetriableError: the database is away.

    """
    started = time.monotonic()
    _check_target(target, is_forced=is_forced)
    await _check_database(url)
    with _beside(target) as fresh:
        dump = await programs.start("pg_dump", _arguments(fresh), url=url)
        reporting = asyncio.create_task(_report_size(fresh, report))
        try:
            await dump.wait()
        finally:
            reporting.cancel()
            await dump.end()
        _check_target(target, is_forced=is_forced)
        size = _put_in_place(fresh, target)
    return Backup(str(target), size, round(time.monotonic() - started, 1))


def _arguments(file: Path) -> list[str]:
    # Owners and rights are those of whoever restores it.
    return [
        "--format=custom",
        "--no-owner",
        "--no-acl",
        *(f"--exclude-table={pattern}" for pattern in _MARTS),
        f"--file={file}",
    ]


def _check_target(target: Path, *, is_forced: bool) -> None:
    if target.is_dir():
        message = f"{target} is a directory: name a file in it."
        raise ConfigurationError(message)
    if target.exists() and not is_forced:
        message = f"{target} is there already: name another file, or replace it with --force."
        raise ConflictError(message)


async def _check_database(url: str) -> None:
    connection = await postgres.connect(url, name="em-agent backup")
    try:
        async with postgres.reachable():
            if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
                message = "The database holds nothing of em-agent's, so that there is nothing to back up."
                raise NotFoundError(message)
    finally:
        connection.terminate()


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file that only we can read, beside the one that it shall become; gone if it does not."""
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with _explained(target):
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def _put_in_place(fresh: Path, target: Path) -> int:
    """Have the file on disk under its name; its bytes."""
    with _explained(target):
        descriptor = os.open(fresh, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.rename(target)
        sync_directory(target.absolute().parent)
        return target.stat().st_size


async def _report_size(file: Path, report: Report) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        report(_size(file))


def _size(file: Path) -> int:
    return file.stat().st_size


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        message = f"{target} cannot be written: {reason}. Name a file in a directory that this user may write."
        raise ConfigurationError(message) from error
