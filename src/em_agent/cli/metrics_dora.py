"""`em-agent metrics dora`: the DORA metrics in a terminal."""

import json
import sys
from typing import Annotated, Any

import typer

from em_agent.cli.client import call, where
from em_agent.cli.spans import shown_span
from em_agent.errors import InvalidError

PATH = "/v1/metrics/dora"

_FREQUENCY, _LEAD = "deployment_frequency", "lead_time_for_changes_seconds"
_FAILURES, _RECOVERY = "change_failure_rate", "failed_deployment_recovery_time_seconds"
_REWORK = "deployment_rework_rate"
_HEADINGS = ("deployed", "per day", "days\na week", "lead\nmedian", "failed", "recovery\nmedian", "rework")


def show_dora(  # noqa: PLR0913 - the parameters of the API
    since: Annotated[str | None, typer.Option(help="Begin: an ISO 8601 time or date. Default: 30 days before.")] = None,
    until: Annotated[str | None, typer.Option(help="End, not included. Default: now.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Name, or PagerDuty's id; repeatable.")] = None,
    environment: Annotated[list[str] | None, typer.Option(help="Default: production; repeatable.")] = None,
    edition: Annotated[str | None, typer.Option(help="Whose bands or scores: 2023 or 2025.")] = None,
    group_by: Annotated[list[str] | None, typer.Option(help="service, day, week, month; with commas.")] = None,
    urgency: Annotated[list[str] | None, typer.Option(help="Link only incidents that are high or low.")] = None,
    priority: Annotated[list[str] | None, typer.Option(help="Link only incidents of it: id or name.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA name, such as Europe/Berlin.")] = None,
    compare: Annotated[str | None, typer.Option(help="previous: add the window of the same length before.")] = None,
    url: Annotated[
        str | None, typer.Option(envvar="EM_AGENT_API_URL", help="Where the API is. Default: what runs here.")
    ] = None,
    key: Annotated[str | None, typer.Option(envvar="EM_AGENT_API_KEY", help="An API key, where one is asked.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's JSON.")] = False,  # noqa: FBT002
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,  # noqa: FBT002
) -> None:
    """Show the five DORA metrics, with the band of each."""
    if as_json and as_csv:
        message = "--json and --csv exclude each other."
        raise InvalidError(message)
    given = {
        "since": since, "until": until, "service": service, "environment": environment, "edition": edition,
        "group_by": group_by, "urgency": urgency, "priority": priority, "timezone": timezone, "compare": compare,
        "format": "csv" if as_csv else None,
    }  # fmt: skip
    found_url, found_key = where(url, key)
    text = call(found_url, found_key, PATH, parameters={name: value for name, value in given.items() if value})
    if as_json or as_csv:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    else:
        _print_table(json.loads(text))


def _print_table(metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Styled

    console = Console()
    for window in [metrics, *([metrics["previous"]] if metrics.get("previous") else [])]:
        title = f"{window['since'][:16]} to {window['until'][:16]} UTC"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
        for name in window["groups"][0]["key"] if window["groups"] else []:
            table.add_column(name, min_width=12, no_wrap=True)
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", no_wrap=True)
        for group in window["groups"]:
            # Names come from deployments: they are text, never markup.
            table.add_row(*(Styled(cell) for cell in _cells(group)))
        console.print(table)
    of = "Scores" if metrics.get("published_means") else "Bands"
    console.print(
        f"{of} of the edition {metrics['edition']}; newest event {metrics['as_of'] or 'none yet'}.",
        highlight=False,
        markup=False,
    )


def _cells(group: dict[str, Any]) -> list[str]:
    frequency, lead, failures, recovery = (group[name] for name in (_FREQUENCY, _LEAD, _FAILURES, _RECOVERY))
    days = frequency["median_deploy_days_per_week"]
    return [
        *("none" if value is None else value for value in group["key"].values()),
        str(frequency["deployments"]),
        _judged(_figure(frequency["per_day"]), frequency),
        _figure(days),
        _judged(shown_span(lead["median"]), lead),
        _judged(_share(failures["ratio"]), failures),
        _judged(shown_span(recovery["median"]), recovery),
        _judged(_share(group[_REWORK]["ratio"]), group[_REWORK]),
    ]


def _judged(text: str, metric: dict[str, Any]) -> str:
    """The figure, and below it its band or score where it has one: a terminal is narrow."""
    judgement = metric.get("band") or metric.get("score")
    return text if judgement is None else f"{text}\n{judgement}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _share(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"
