"""`em-agent up`."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from em_agent.embedded.endpoints import Endpoints


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up() -> None:
    """Run everything on this machine: servers where no DATABASE_URL or NATS_URL is set, and every role."""
    from em_agent.cli.roles import every_role
    from em_agent.embedded.up import run_up
    from em_agent.kit.logging import configure_logging
    from em_agent.settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level, "up")
    run_up(settings, _announce, every_role)


def _announce(endpoints: "Endpoints") -> None:
    typer.echo(f"EM Agent is ready: {endpoints.api_url} (webhooks, API), {endpoints.connectors_url} (connectors)")
