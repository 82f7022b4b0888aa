"""`em-agent backup`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from em_agent.settings import Settings

INTERRUPTED = 130
_MEGABYTE = 1_000_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backup)


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="By default em-agent-<time>.backup in the current directory.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Write everything that cannot be rebuilt into one file, while the product runs or not.

    The file is there once it is whole. It holds all that was received, with secrets that senders wrote into it.
    """
    import asyncio
    import json
    from dataclasses import asdict
    from datetime import UTC, datetime

    from em_agent.backup.write import write_backup
    from em_agent.kit.logging import configure_logging
    from em_agent.kit.process import until_interrupted
    from em_agent.settings import load_settings

    settings = load_settings()
    configure_logging("error", "backup")
    target = file or Path(f"em-agent-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup")
    try:
        with _database(settings) as url:
            done = asyncio.run(until_interrupted(write_backup(url, target, is_forced=force, report=_report)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("Interrupted: nothing is written.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps(asdict(done)))
    else:
        typer.echo(f"{done.file}: {done.bytes / _MEGABYTE:.1f} MB in {done.seconds:.1f} s.")


@contextmanager
def _database(settings: "Settings") -> Iterator[str]:
    """The database that is in use, else that of the data directory, served for this command alone."""
    from em_agent.embedded import alone
    from em_agent.embedded.data_directory import DataDirectory
    from em_agent.embedded.endpoints import in_use
    from em_agent.embedded.lock import is_locked
    from em_agent.errors import NotFoundError

    directory = DataDirectory(settings.data_dir)
    if settings.database_url is not None:
        yield settings.database_url
    elif is_locked(directory.path):
        yield in_use(settings).database_url
    elif alone.has_database(directory):
        with alone.database(directory) as url:
            yield url
    else:
        message = f"There is no database in {directory.path}: name its EM_AGENT_DATA_DIR, or set DATABASE_URL."
        raise NotFoundError(message)


def _report(done: int) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{done / _MEGABYTE:.1f} MB written   {end}")
    sys.stderr.flush()
