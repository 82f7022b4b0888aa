"""Reads what is in a backup, without a database."""

import re
from asyncio.subprocess import PIPE
from pathlib import Path

from em_agent.backup import programs
from em_agent.errors import ConfigurationError, InvalidError, NotFoundError, PermanentError
from em_agent.kit.postgres import migration_files

# The mark of the models would say that marts are there. Who restores need not own the extension.
_LEFT_OUT = re.compile(r"COMMENT - (SCHEMA warehouse|EXTENSION) ?")
_ROW = re.compile(r"^(\S+\.sql)\t", re.MULTILINE)


async def check(file: Path) -> None:
    """See that this release can restore the backup.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it cannot be read.
        InvalidError: it is no backup of ours, or a newer release made it.

    """
    _check_file(file)
    text = await _output(file, "--data-only", "--table=schema_migrations", "--file=-")
    found = _ROW.findall(text)
    if not found:
        raise foreign(file)
    unknown = sorted(set(found) - {name for name, _ in migration_files()})
    if unknown:
        message = (
            f"{file} was made by a newer release, whose database has {unknown[-1]}: "
            "restore it with that release or a later one."
        )
        raise InvalidError(message)


async def contents(file: Path) -> str:
    """The list of what is to be restored of the backup, as pg_restore takes it."""
    lines = (await _output(file, "--list")).splitlines()
    return "".join(f"{line}\n" for line in lines if not _LEFT_OUT.search(line))


def _check_file(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except FileNotFoundError as error:
        message = f"There is no file {file}: name a backup."
        raise NotFoundError(message) from error
    except OSError as error:
        message = f"{file} cannot be read: {(error.strerror or str(error)).lower()}."
        raise ConfigurationError(message) from error


async def _output(file: Path, *arguments: str) -> str:
    program = await programs.start("pg_restore", [*arguments, str(file)], stdout=PIPE)
    try:
        text = (await program.output.read()).decode()
        await program.wait()
    except PermanentError as error:
        raise foreign(file) from error
    finally:
        await program.end()
    return text


def foreign(file: Path) -> InvalidError:
    """The error that the file is not what it should be."""
    return InvalidError(f"{file} is no backup that `em-agent backup` wrote, or only a part of one: name another file.")
