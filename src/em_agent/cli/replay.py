"""`em-agent replay`."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from em_agent.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    only: Annotated[str | None, typer.Option(help="incidents or warehouse; both when not given.")] = None,
) -> None:
    """Rebuild everything that is derived from events_raw: the live state of incidents and the marts.

    It may run while the product does, and goes on where it was interrupted.
    """
    from em_agent.embedded.endpoints import database_url
    from em_agent.kit.logging import configure_logging
    from em_agent.settings import load_settings

    if only not in {None, "incidents", "warehouse"}:
        message = f"--only is incidents or warehouse, not {only!r}."
        raise ConfigurationError(message)
    settings = load_settings()
    configure_logging("warning", "replay")
    url = database_url(settings)
    if only in {None, "incidents"}:
        asyncio.run(_replay_incidents(url))
    if only in {None, "warehouse"}:
        _replay_warehouse(url)


async def _replay_incidents(url: str) -> None:
    from em_agent.kit import postgres
    from em_agent.workers.replay import replay_incidents

    connection = await postgres.connect(url, name="em-agent replay", command_seconds=None)
    try:
        async with postgres.reachable():
            await replay_incidents(connection, _report)
    finally:
        connection.terminate()
        sys.stderr.write("\n")


def _replay_warehouse(url: str) -> None:
    from em_agent.workers.transformer import Transformer

    typer.echo("Rebuilding the marts.", err=True)
    with TemporaryDirectory(prefix="em-agent-") as work_dir:
        summary = asyncio.run(Transformer(url, Path(work_dir)).run(full_refresh=True))
    typer.echo(f"Done: {summary.new_events} events of incidents in {summary.seconds:.1f} s.", err=True)


def _report(stage: str, done: int, count: int) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"Rebuilding {stage}: {done} of {count}{end}")
    sys.stderr.flush()
