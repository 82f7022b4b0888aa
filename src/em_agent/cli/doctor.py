"""`em-agent doctor`."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from em_agent.doctor.database import Use
    from em_agent.doctor.report import Check
    from em_agent.settings import Settings

_PATIENCE_SECONDS = 10.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Check every connection, secret and queue, and say what to do about what is wrong, empty or stale."""
    import asyncio
    import json
    from dataclasses import asdict

    from em_agent.doctor.report import Status
    from em_agent.kit.logging import configure_logging

    configure_logging("error", "doctor")
    checks = asyncio.run(_examine())
    is_ok = all(check.status is not Status.FAIL for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": is_ok, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        for check in checks:
            _show(check)
    if not is_ok:
        raise typer.Exit(1)


def _show(check: "Check") -> None:
    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[check.status]
    typer.echo(f"{typer.style(f'{check.status:<6}', fg=colour)}{check.name:<24}{check.detail}")
    if check.advice:
        typer.echo(f"{'':<30}{check.advice}")


async def _examine() -> "list[Check]":
    from em_agent.doctor.database import examine_database
    from em_agent.doctor.mapping import examine_mapping
    from em_agent.doctor.pagerduty import examine_crawls
    from em_agent.doctor.report import fail, ok
    from em_agent.doctor.retention import examine_retention
    from em_agent.doctor.services import examine_services, secrets_of_gateway
    from em_agent.doctor.slack import examine_slack, examine_troubles
    from em_agent.doctor.stream import examine_stream
    from em_agent.embedded.endpoints import in_use
    from em_agent.errors import EmAgentError
    from em_agent.services import slack_access
    from em_agent.settings import load_settings

    try:
        settings = load_settings()
        settings.check_exposure()
    except EmAgentError as error:
        return [fail("settings", str(error), "Nothing else can be checked before.")]
    checks = [ok("settings", "They can be read."), *_data_directory(settings), *await _pagerduty(settings)]
    checks += await examine_slack(slack_access(settings)) if settings.has_slack else []
    try:
        found = in_use(settings)
    except EmAgentError as error:
        checks += _secrets(settings, None)
        return [*checks, fail("running", str(error), "Databases and services are checked while it runs.")]
    of_gateway = await secrets_of_gateway(f"{found.api_url}/metrics")
    checks += _secrets(settings, of_gateway)
    health = {
        "gateway": f"{found.api_url}/readyz/ingest",
        "connectors": f"{found.connectors_url}/healthz",
    }
    checks += await examine_services(health)
    checks += await examine_stream(found.nats_url)
    checks += await examine_database(found.database_url, _uses(settings, of_gateway))
    checks += await examine_mapping(found.database_url)
    checks += await examine_retention(found.database_url, settings.retention_days)
    checks += await examine_troubles(found.database_url) if settings.has_slack else []
    has_token = settings.pagerduty_api_token is not None
    every_seconds = settings.crawl_minutes * 60
    return checks + (await examine_crawls(found.database_url, every_seconds=every_seconds) if has_token else [])


async def _pagerduty(settings: "Settings") -> "list[Check]":
    from em_agent.doctor.pagerduty import examine_pagerduty
    from em_agent.services import pagerduty_account

    account = pagerduty_account(settings)
    if account is None:
        return await examine_pagerduty(None)
    async with account.open(patience_seconds=_PATIENCE_SECONDS) as api:
        return await examine_pagerduty(api)


def _secrets(settings: "Settings", of_gateway: "Mapping[str, int] | None") -> "list[Check]":
    """The secrets of the gateway that runs, which may have another environment than we; ours when none does."""
    from em_agent.doctor.services import examine_secrets
    from em_agent.integrations.registry import SOURCES

    return examine_secrets(
        [source for source in SOURCES.values() if source.secret_env is not None],
        _counts(settings) if of_gateway is None else of_gateway,
        judged_by="this command's own settings" if of_gateway is None else "the gateway that runs",
        takes_unsigned=settings.takes_unsigned,
    )


def _uses(settings: "Settings", of_gateway: "Mapping[str, int] | None") -> "list[Use]":
    """What is known of each source before the database is asked."""
    from em_agent.doctor.database import Use
    from em_agent.integrations.registry import SOURCES

    counts = _counts(settings) if of_gateway is None else of_gateway
    return [
        Use(
            source.name,
            is_wanted=source.is_expected or counts.get(source.name, 0) > 0,
            lacks=None if counts.get(source.name, 0) else source.secret_env,
        )
        for source in SOURCES.values()
    ]


def _counts(settings: "Settings") -> dict[str, int]:
    from em_agent.integrations.registry import SOURCES

    settable = {name: source.secret_env for name, source in SOURCES.items() if source.secret_env is not None}
    return {name: len(settings.secrets(setting)) for name, setting in settable.items()}


def _data_directory(settings: "Settings") -> "list[Check]":
    """The directory of the embedded servers; nothing when both servers are elsewhere."""
    from em_agent.doctor.directory import examine_directory

    return [] if settings.database_url and settings.nats_url else [examine_directory(settings.data_dir)]
