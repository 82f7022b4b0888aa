"""`em-agent restore`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from em_agent.backup.restore import Restored
    from em_agent.settings import Settings

INTERRUPTED = 130
_MEGABYTE = 1_000_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(restore)


def restore(
    file: Annotated[Path, typer.Argument(help="What `em-agent backup` wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Put a backup into an empty data directory, or into the empty database that DATABASE_URL names.

    All of it or nothing. A backup of an older release is brought up to this one.
    """
    import asyncio
    import json
    from dataclasses import asdict

    from em_agent.backup import archive
    from em_agent.kit.logging import configure_logging
    from em_agent.kit.process import until_interrupted
    from em_agent.settings import load_settings

    settings = load_settings()
    configure_logging("error", "restore")
    try:
        asyncio.run(until_interrupted(archive.check(file)))
        with _database(settings) as url:
            done = asyncio.run(until_interrupted(_restore(settings, url, file)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("Interrupted: nothing is restored, or all of it.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps(asdict(done)))
    else:
        newest = f", the newest received at {done.newest_received_at}," if done.newest_received_at else ""
        typer.echo(f"Restored {done.events} events{newest} in {done.seconds:.1f} s. Metrics follow once it runs.")


async def _restore(settings: "Settings", url: str, file: Path) -> "Restored":
    from em_agent.backup import restore as into
    from em_agent.backup.stream import forget_stream
    from em_agent.embedded import nats
    from em_agent.embedded.data_directory import DataDirectory

    await into.check_empty(url)
    if settings.nats_url is not None:
        await forget_stream(settings.nats_url)
    else:
        nats.forget_streams(DataDirectory(settings.data_dir))
    return await into.restore(url, file, _report)


@contextmanager
def _database(settings: "Settings") -> Iterator[str]:
    """The database to fill. No embedded server is in use meanwhile."""
    from em_agent.embedded import alone
    from em_agent.embedded.data_directory import DataDirectory

    directory = DataDirectory(settings.data_dir)
    if settings.database_url is None:
        with alone.database(directory) as url:
            yield url
    elif settings.nats_url is None:
        with alone.held(directory):
            yield settings.database_url
    else:
        yield settings.database_url


def _report(done: int) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{done / _MEGABYTE:.1f} MB restored   {end}")
    sys.stderr.flush()
