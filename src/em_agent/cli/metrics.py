"""`em-agent metrics`: the metrics API in a terminal."""

import json
import sys
from typing import Annotated, Any

import typer

from em_agent.cli.client import call, where
from em_agent.cli.metrics_dora import show_dora
from em_agent.cli.spans import shown_span
from em_agent.errors import InvalidError

PATH = "/v1/metrics/incidents"
COMPLETENESS_PATH = "/v1/metrics/completeness"
# What narrows both down.
_SHARED = ("since", "until", "service", "team", "urgency", "priority", "timezone", "exclude_merged")

_COUNTS = {"incidents": "all", "open": "open"}
_DURATIONS = (
    ("time_to_acknowledge_seconds", "MTTA"),
    ("time_to_resolve_seconds", "MTTR"),
)
_STATISTICS = ("mean", "median", "p90")


def register(app: typer.Typer) -> None:
    """Add the command, which has one of its own, to `app`."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(show_metrics)
    group.command(name="dora")(show_dora)
    app.add_typer(group, name="metrics")


def show_metrics(  # noqa: PLR0913 - the parameters of the API
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="Begin: an ISO 8601 time or date. Default: 30 days before.")] = None,
    until: Annotated[str | None, typer.Option(help="End, not included. Default: now.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Id or name; repeatable.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Id or name; repeatable.")] = None,
    urgency: Annotated[list[str] | None, typer.Option(help="high or low.")] = None,
    priority: Annotated[list[str] | None, typer.Option(help="Id or name; repeatable.")] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option(help="service, team, urgency, priority, escalation_policy, day, week, month; with commas."),
    ] = None,
    clock: Annotated[str | None, typer.Option(help="occurred or received.")] = None,
    attribute_by: Annotated[str | None, typer.Option(help="triggered or resolved.")] = None,
    exclude_merged: Annotated[bool, typer.Option("--exclude-merged", help="Leave merged incidents out.")] = False,  # noqa: FBT002
    timezone: Annotated[str | None, typer.Option(help="IANA name, such as Europe/Berlin.")] = None,
    compare: Annotated[str | None, typer.Option(help="previous: add the window of the same length before.")] = None,
    url: Annotated[
        str | None, typer.Option(envvar="EM_AGENT_API_URL", help="Where the API is. Default: what runs here.")
    ] = None,
    key: Annotated[str | None, typer.Option(envvar="EM_AGENT_API_KEY", help="An API key, where one is asked.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's JSON.")] = False,  # noqa: FBT002
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,  # noqa: FBT002
) -> None:
    """Show incident metrics: how many, how fast acknowledged and resolved."""
    if context.invoked_subcommand:
        return
    if as_json and as_csv:
        message = "--json and --csv exclude each other."
        raise InvalidError(message)
    given = {
        "since": since, "until": until, "service": service, "team": team, "urgency": urgency, "priority": priority,
        "group_by": group_by, "clock": clock, "attribute_by": attribute_by, "timezone": timezone, "compare": compare,
        "exclude_merged": "true" if exclude_merged else None, "format": "csv" if as_csv else None,
    }  # fmt: skip
    found_url, found_key = where(url, key)
    parameters = {name: value for name, value in given.items() if value}
    text = call(found_url, found_key, PATH, parameters=parameters)
    if as_json or as_csv:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    else:
        metrics = json.loads(text)
        _print_table(metrics)
        if metrics["clock"] == "occurred" and metrics["attribute_by"] == "triggered":
            window = {"since": metrics["since"], "until": metrics["until"]}
            shared = {name: given[name] for name in _SHARED if given[name]} | window
            _print_completeness(json.loads(call(found_url, found_key, COMPLETENESS_PATH, parameters=shared)))


def _print_table(metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Styled

    console = Console()
    windows = [metrics, *([metrics["previous"]] if metrics.get("previous") else [])]
    for window in windows:
        keys = list(window["groups"][0]["key"]) if window["groups"] else []
        title = f"{window['since'][:16]} to {window['until'][:16]} UTC"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
        for name in keys:
            table.add_column(name, min_width=12, no_wrap=True)
        for heading in [*_COUNTS.values(), *(f"{label}\n{name}" for _, label in _DURATIONS for name in _STATISTICS)]:
            table.add_column(heading, justify="right", no_wrap=True)
        for group in window["groups"]:
            # Names come from incidents: they are text, never markup.
            table.add_row(*(Styled(cell) for cell in _cells(group)))
        console.print(table)
    console.print(
        f"Clock {metrics['clock']}, by {metrics['attribute_by']}; newest event {metrics['as_of'] or 'none yet'}.",
        highlight=False,
        markup=False,
    )


def _print_completeness(known: dict[str, Any]) -> None:
    sys.stdout.write(
        f"Known from webhooks alone {known['webhook_only']}, from history alone {known['api_only']}, "
        f"from both {known['both']}.\n"
    )


def _cells(group: dict[str, Any]) -> list[str]:
    names = ["none" if value is None else value for value in group["key"].values()]
    counts = ["-" if group[name] is None else str(group[name]) for name in _COUNTS]
    spans = [shown_span(group[name][statistic]) for name, _ in _DURATIONS for statistic in _STATISTICS]
    return [*names, *counts, *spans]
