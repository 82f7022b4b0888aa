"""The `em-agent` command."""

import typer

from em_agent import __version__
from em_agent.cli import (
    ask,
    backup,
    crawl,
    demo,
    deployed,
    doctor,
    info,
    metrics,
    migrate,
    replay,
    restore,
    roles,
    slack_manifest,
    up,
)
from em_agent.cli.outcome import explained

app = typer.Typer(
    name="em-agent",
    help="Incident metrics you can trust and explain, for teams that keep PagerDuty.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"em-agent {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Take the options that stand before a command."""


_TOPICS = (
    up,
    demo,
    roles,
    migrate,
    info,
    doctor,
    ask,
    metrics,
    deployed,
    crawl,
    slack_manifest,
    replay,
    backup,
    restore,
)

for _topic in _TOPICS:
    _topic.register(app)


def main() -> None:
    """Run the command; a foreseen error is one line on standard error and exit status 1."""
    with explained():
        app()
