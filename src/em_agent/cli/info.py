"""`em-agent info`."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(info)


def info(
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Show the addresses in use, passwords included, so that psql, dbt or a notebook can connect."""
    import json
    from dataclasses import asdict

    from em_agent.embedded.endpoints import in_use
    from em_agent.settings import load_settings

    found = asdict(in_use(load_settings()))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for name, value in found.items():
            typer.echo(f"{name:<16}{value}")
