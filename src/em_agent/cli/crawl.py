"""`em-agent crawl pagerduty`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from em_agent.connectors.selection import Selection
    from em_agent.events.crawls import CrawlRun
    from em_agent.settings import Settings

INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="Read the history of other systems.", no_args_is_help=True)
    group.callback()(_of)
    group.command(name="pagerduty")(crawl_pagerduty)
    app.add_typer(group, name="crawl")


def _of() -> None:
    """Read the history of other systems."""


def crawl_pagerduty(  # noqa: PLR0913 - the fields of the API
    everything: Annotated[  # noqa: FBT002
        bool, typer.Option("--all", help="All of history; afterwards only what changed since the last time.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="With --all: all of it once more.")] = False,  # noqa: FBT002
    since: Annotated[str | None, typer.Option(help="Created then or later: an ISO 8601 time or date.")] = None,
    until: Annotated[str | None, typer.Option(help="Created before.")] = None,
    statuses: Annotated[
        list[str] | None, typer.Option(help="triggered, acknowledged, resolved: with commas, or repeated.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the newest. Default: 100, or all with --all, --since or --until.")
    ] = None,
    alerts: Annotated[  # noqa: FBT002
        bool, typer.Option("--alerts", help="Their alerts too, a request for each. With --all: all of it once more.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Read PagerDuty's incidents, notes and log entries.

    Interrupted, the same command goes on where it was: within an hour, or 90 days with --all. An incident that cannot
    be read is tried again by later crawls, eight times in all.
    """
    import asyncio

    from em_agent.connectors.selection import read_fields
    from em_agent.domain.times import parse_zone
    from em_agent.errors import ConfigurationError
    from em_agent.kit.logging import configure_logging
    from em_agent.kit.process import until_interrupted
    from em_agent.settings import load_settings

    settings = load_settings()
    configure_logging("error", "crawl")
    fields: dict[str, Any] = {"since": since, "until": until, "all": everything, "alerts": alerts}
    if statuses:
        fields["statuses"] = [part.strip() for text in statuses for part in text.split(",") if part.strip()]
    if limit is not None or since or until:
        fields["limit"] = limit
    if everything and limit is not None:
        message = "--all and --limit exclude each other."
        raise ConfigurationError(message)
    selection = read_fields(fields, parse_zone(settings.timezone))
    if again and not selection.is_all:
        message = "--again goes with --all alone."
        raise ConfigurationError(message)
    try:
        run = asyncio.run(until_interrupted(_crawl(settings, selection, again=again)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("\nInterrupted: the same command goes on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    _show(run, as_json=as_json)


async def _crawl(settings: "Settings", selection: "Selection", *, again: bool) -> "CrawlRun":
    from em_agent.connectors.crawl import Crawler
    from em_agent.embedded.endpoints import database_url
    from em_agent.errors import ConfigurationError
    from em_agent.services import pagerduty_account

    account = pagerduty_account(settings)
    if account is None:
        message = "PAGERDUTY_API_TOKEN is not set: make a read-only API key in PagerDuty."
        raise ConfigurationError(message)
    crawler = Crawler(database_url(settings), account.open)
    return await crawler.crawl(selection, again=again, report=_report)


def _report(run: "CrawlRun") -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    phase = (run.place or {}).get("phase", "")
    sys.stderr.write(
        f"Crawl {run.id}, {phase}: {run.fetched} incidents read, {run.indexed} indexed, {run.requests} requests   {end}"
    )
    sys.stderr.flush()


def _show(run: "CrawlRun", *, as_json: bool) -> None:
    import json

    from em_agent.events.crawls import COUNTS

    if as_json:
        counts = {name: getattr(run, name) for name in COUNTS}
        typer.echo(json.dumps({**counts, "run": run.id, "mode": run.mode, "state": run.state, "reasons": run.reasons}))
        return
    typer.echo(
        f"indexed {run.indexed} documents, {run.unchanged} of them unchanged; "
        f"{run.fetched} incidents read, {run.failed} failed, {run.gone} gone, {run.requests} requests."
    )
    for reason in run.reasons:
        typer.echo(f"- {reason}")
