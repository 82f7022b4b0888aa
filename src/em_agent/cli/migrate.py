"""`em-agent migrate`."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)


def migrate() -> None:
    """Bring the database up to this release; the one that DATABASE_URL names, else that of the running `up`."""
    import asyncio

    from em_agent.embedded.endpoints import database_url
    from em_agent.kit.postgres import migrate as apply_migrations
    from em_agent.settings import load_settings

    applied = asyncio.run(apply_migrations(database_url(load_settings())))
    for name in applied:
        typer.echo(name)
    typer.echo(f"{len(applied)} migrations applied." if applied else "The database is up to date.")
