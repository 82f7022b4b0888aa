"""`em-agent demo`."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from em_agent.demo.delivery.plan import DeliveryPlan
    from em_agent.demo.plan import Plan
    from em_agent.demo.send import Tally
    from em_agent.embedded.data_directory import DataDirectory
    from em_agent.embedded.endpoints import Endpoints
    from em_agent.settings import Settings

# Settings that lead to real servers, real accounts and real channels: the demo has nothing to do with them.
_REAL = (
    "DATABASE_", "NATS_", "PAGERDUTY_", "GITHUB_WEBHOOK_", "JIRA_WEBHOOK_", "LINEAR_WEBHOOK_", "SHORTCUT_WEBHOOK_",
    "SLACK_", "EMBEDDINGS_", "LLM_", "EM_AGENT_CONFIG", "EM_AGENT_RETENTION_DAYS",
)  # fmt: skip
_MEMORY = "demo.json"
_STALE = timedelta(days=10)
_PATIENCE_SECONDS = 120.0
_DEFAULTS = {"seed": 1, "incidents": 2500, "days": 365}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    incidents: int | None = typer.Option(None, min=1, max=100_000, help="Incidents in the year; by default 2500."),
    seed: int | None = typer.Option(None, help="Another seed makes another year; by default 1."),
    days: int | None = typer.Option(None, min=1, max=3650, help="Days in the year; by default 365."),
) -> None:
    """Run everything on a data directory of its own, with a year of made-up incidents sent through the front door."""
    from em_agent.cli.roles import every_role
    from em_agent.demo.delivery.plan import DeliveryPlan, Proofs
    from em_agent.demo.delivery.trouble import make_deliveries
    from em_agent.demo.plan import Plan
    from em_agent.demo.year import make_year
    from em_agent.embedded.data_directory import DataDirectory
    from em_agent.embedded.up import run_up
    from em_agent.kit.logging import configure_logging

    settings = _isolate()
    configure_logging(settings.log_level, "demo")
    directory = DataDirectory(settings.data_dir)
    secret = directory.password("pagerduty_webhook")
    proofs = Proofs(
        directory.password("github_webhook"),
        directory.password("jira_webhook"),
        next(iter(settings.api_key_values), None),
    )
    # What the roles inherit.
    os.environ |= {
        "PAGERDUTY_WEBHOOK_SECRET": secret,
        "GITHUB_WEBHOOK_SECRET": proofs.github,
        "JIRA_WEBHOOK_SECRET": proofs.jira,
    }
    wanted = {"incidents": incidents, "seed": seed, "days": days}
    memory = _remember(directory, {name: value for name, value in wanted.items() if value is not None})
    end = datetime.fromisoformat(memory["end"])
    year = make_year(end, seed=memory["seed"], incidents=memory["incidents"], days=memory["days"])
    deliveries = make_deliveries(year, seed=memory["seed"])
    plans = Plan(deliveries.year, [secret]), DeliveryPlan(deliveries, proofs)
    run_up(settings, _Announcement(*plans, end, settings.data_dir), every_role)


def _isolate() -> "Settings":
    """The settings of the demo: the user's own, without what is real, on a data directory beside the real one.

    The process moves into that directory and keeps only the demo's environment, which the roles inherit: a `.env`
    file of the user's then reaches none of them.
    """
    from em_agent.configuration import DEFAULT_PATH
    from em_agent.demo.delivery.releases import configuration
    from em_agent.embedded.data_directory import DataDirectory
    from em_agent.environment import read_environment
    from em_agent.settings import load_settings

    environment = _without_real(read_environment(os.environ))
    data_dir = load_settings(environment, dotenv=Path(os.devnull)).data_dir.absolute()
    data_dir = data_dir.with_name(f"{data_dir.name}-demo")
    environment["EM_AGENT_DATA_DIR"] = str(data_dir)
    environment.setdefault("EM_AGENT_LOG_LEVEL", "warning")  # a line for each delivery would bury the rest
    DataDirectory(data_dir).create()
    (data_dir / DEFAULT_PATH).write_text(configuration(), encoding="utf-8")
    os.chdir(data_dir)
    os.environ.clear()
    os.environ.update(environment)
    return load_settings(environment, dotenv=Path(os.devnull))


def _without_real(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_REAL)}


def _remember(directory: "DataDirectory", wanted: Mapping[str, int]) -> dict[str, Any]:
    """Which year the directory has, or from now on shall have.

    Raises:
        ConfigurationError: it has another one than is wanted.

    """
    from em_agent.errors import ConfigurationError

    known: dict[str, Any] = directory.read_json(_MEMORY)
    if not known:
        known = {**_DEFAULTS, **wanted, "end": datetime.now(UTC).replace(microsecond=0).isoformat()}
        directory.write_json(_MEMORY, known)
    for name, value in wanted.items():
        if known[name] != value:
            message = (
                f"{directory.path} has a year with --{name} {known[name]} already: leave --{name} {value} out, "
                "or remove the directory for another year."
            )
            raise ConfigurationError(message)
    return known


class _Announcement:
    """Called when the product answers: sends the year unless it is there, then says where to look."""

    def __init__(self, plan: "Plan", others: "DeliveryPlan", end: datetime, data_dir: Path) -> None:
        self._plan = plan
        self._others = others
        self._end = end
        self._data_dir = data_dir
        self._task: asyncio.Task[None] | None = None

    def __call__(self, endpoints: "Endpoints") -> None:
        self._task = asyncio.get_running_loop().create_task(self._fill(endpoints))

    async def _fill(self, endpoints: "Endpoints") -> None:
        from em_agent.demo.fill import fill, is_filled, wait_taken_in
        from em_agent.errors import EmAgentError

        try:
            if not await is_filled(self._plan, endpoints.database_url):
                with _Progress(len(self._plan) + len(self._others)) as show:
                    others = self._others.deliveries()
                    tally = await fill(self._plan, endpoints.api_url, show, others=others)
                for surprise in tally.surprises:
                    typer.echo(f"em-agent: unexpected answer to {surprise}", err=True)
                typer.echo("All of it is received; the metrics follow.")
            if not await wait_taken_in(endpoints.database_url, _PATIENCE_SECONDS):
                typer.echo("The metrics are still catching up.")
        except EmAgentError as error:
            typer.echo(f"em-agent: {error} Start the demo again to send the rest.", err=True)
            return
        if datetime.now(UTC) - self._end > _STALE:
            age = (datetime.now(UTC) - self._end).days
            typer.echo(f"The demo's year ended {age} days ago: remove {self._data_dir} for one that ends today.")
        typer.echo(
            f"The demo is ready: {endpoints.api_url} (dashboard, webhooks, API). "
            "Its company does not exist. Stop it with Ctrl-C."
        )


class _Progress:
    """Shows how far the sending is: a bar on a terminal, else a line for each tenth."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown = -1
        self._bar: Any = None
        self._update: Callable[[int], None] = self._print

    def __enter__(self) -> "Callable[[Tally], None]":
        if sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("Sending a year of webhooks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            )
            task = self._bar.add_task("send", total=self._total)
            self._update = lambda sent: self._bar.update(task, completed=sent)
            self._bar.start()
        return lambda tally: self._update(tally.sent)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _print(self, sent: int) -> None:
        tenth = sent * 10 // self._total
        if tenth > self._shown:
            self._shown = tenth
            typer.echo(f"Sending a year of webhooks: {sent} of {self._total}")
