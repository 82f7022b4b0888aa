"""`em-agent slack-manifest`."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(slack_manifest)


def slack_manifest(
    url: Annotated[
        str | None, typer.Option(help="Public HTTPS address at which Slack reaches EM Agent; without it, Socket Mode.")
    ] = None,
) -> None:
    """Print the manifest that makes the app in Slack: paste it at api.slack.com/apps, Create New App."""
    import json

    from em_agent.errors import ConfigurationError
    from em_agent.slack.manifest import manifest

    if url is not None and not url.startswith("https://"):
        message = "--url is wrong: Slack only calls addresses that begin with https://."
        raise ConfigurationError(message)
    typer.echo(json.dumps(manifest(url), indent=2, ensure_ascii=False))
