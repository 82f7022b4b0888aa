"""The commands that run one role alone."""

from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from em_agent.cli.outcome import explained
from em_agent.domain.consumers import SEARCH, SLACK, WORKERS
from em_agent.errors import ConfigurationError
from em_agent.settings import Settings, load_settings
from em_agent.zones import zone_of

if TYPE_CHECKING:
    from em_agent.ask.model import Model
    from em_agent.embedded.roles import Role
    from em_agent.search.embedder import Embedder
    from em_agent.services import Connections

    Models = tuple[Embedder | None, Model | None]


Workers = Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join((*WORKERS, SLACK))}.")]


class Part(Protocol):
    """What a process may run several of."""

    @property
    def is_well(self) -> bool:
        """Whether it can do its work."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


def register(app: typer.Typer) -> None:
    """Add `gateway`, `connectors`, `relay` and `worker`."""
    app.command()(gateway)
    app.command()(connectors)
    app.command()(relay)
    app.command()(worker)


def gateway() -> None:
    """Receive webhooks and serve the API, with DATABASE_URL and NATS_URL."""
    settings = _settings_for("gateway")
    settings.check_exposure()
    _run_loop(_run_gateway(settings))


def connectors() -> None:
    """Serve what reaches out to other systems, with DATABASE_URL and NATS_URL."""
    settings = _settings_for("connectors")
    settings.check_exposure()
    _run_loop(_run_connectors(settings))


def relay(beside: Workers = None) -> None:
    """Publish recorded events to JetStream; of several copies one works for each source.

    The workers that are named run in the same process, which takes less memory than two.
    """
    _run_parts_of("relay", _known(beside or []), has_relay=True)


def worker(names: Workers = None) -> None:
    """Run what works on the events, as many copies as wanted; all of it where none is named."""
    every = (*WORKERS, SLACK) if load_settings().has_slack else WORKERS
    _run_parts_of("worker", _known(names or every), has_relay=False)


def run_role(words: Sequence[str]) -> None:
    """Run the role of these words, as `em-agent` does with them."""
    name, *consumers = words
    with explained():
        if name in {"gateway", "connectors"}:
            {"gateway": gateway, "connectors": connectors}[name]()
        else:
            {"relay": relay, "worker": worker}[name](consumers)


def every_role(settings: Settings) -> "list[Role]":
    """What `up` keeps running, in forks of its process where that can be."""
    from em_agent.embedded.roles import default_roles

    return default_roles(settings, run_role)


def _run_loop(work: Coroutine[Any, Any, None]) -> None:
    from em_agent.kit.process import run

    run(work)


def _settings_for(role: str) -> Settings:
    from em_agent.kit.logging import configure_logging

    settings = load_settings()
    configure_logging(settings.log_level, role)
    return settings


async def _run_gateway(settings: Settings) -> None:
    from em_agent.app import build_gateway
    from em_agent.kit.http import serve
    from em_agent.services import open_gateway

    async with open_gateway(settings) as services:
        await serve(build_gateway(services), settings.host, settings.port, port_setting="EM_AGENT_PORT")


async def _run_connectors(settings: Settings) -> None:
    from em_agent.app import build_connectors, scheduled
    from em_agent.kit.http import serve
    from em_agent.services import open_connectors

    async with open_connectors(settings) as services, scheduled(services):
        app = build_connectors(services)
        await serve(app, settings.host, settings.connectors_port, port_setting="EM_AGENT_CONNECTORS_PORT")


def _known(workers: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in workers if name not in (*WORKERS, SLACK)]
    if unknown:
        message = f"There is no worker {unknown[0]!r}: choose of {', '.join((*WORKERS, SLACK))}."
        raise ConfigurationError(message)
    return workers


def _run_parts_of(command: str, workers: Sequence[str], *, has_relay: bool) -> None:
    settings = _settings_for(" ".join([command, *workers]))
    if SLACK in workers and not settings.has_slack:
        message = "Neither SLACK_BOT_TOKEN nor SLACK_SIGNING_SECRET is set: the worker slack needs one."
        raise ConfigurationError(message)
    _run_loop(_run_parts(settings, ["relay"] * has_relay + [f"worker {name}" for name in workers]))


async def _run_parts(settings: Settings, names: Sequence[str]) -> None:
    """Run the relay and the workers in one event loop; each answers roll calls by its own name."""
    from em_agent.kit.postgres import wait_until_migrated
    from em_agent.kit.presence import announce
    from em_agent.kit.process import run_until_stopped
    from em_agent.kit.scratch import scratch_directory
    from em_agent.models import open_embedder, open_model
    from em_agent.services import WORKER_POOL_SIZE, open_connections

    with scratch_directory() as work_dir:
        async with (
            open_connections(settings, ", ".join(names), pool_size=WORKER_POOL_SIZE) as connections,
            open_embedder(settings) as embedder,
            open_model(settings) as model,
        ):
            models = embedder, model
            parts = {name: _build_part(name, settings, connections, models, work_dir) for name in names}
            await wait_until_migrated(connections.pool)
            for name, part in parts.items():
                await announce(connections.nats, name, partial(getattr, part, "is_well"))
            await run_until_stopped(*(part.run() for part in parts.values()))


def _build_part(name: str, settings: Settings, connections: "Connections", models: "Models", work_dir: Path) -> Part:
    from em_agent.services import required_urls

    database_url, _ = required_urls(settings)
    if name == "relay":
        from em_agent.integrations.registry import RECORDED_SOURCES
        from em_agent.relay.relay import Relay

        return Relay(database_url, connections.nats, sources=list(RECORDED_SOURCES), replicas=settings.stream_replicas)
    if name == f"worker {SEARCH}":
        from em_agent.workers.search import SearchWorker

        return SearchWorker(database_url, models[0])
    if name == f"worker {SLACK}":
        return _build_slack(settings, database_url, models)
    from em_agent.workers.consume import Worker
    from em_agent.workers.registry import build_consumer

    consumer = build_consumer(
        name.removeprefix("worker "),
        connections.pool,
        connections.nats,
        database_url=database_url,
        work_dir=work_dir,
        replicas=settings.stream_replicas,
        configuration=settings.configuration,
    )
    return Worker(connections.nats, consumer, replicas=settings.stream_replicas)


def _build_slack(settings: Settings, database_url: str, models: "Models") -> Part:
    from em_agent.services import slack_access
    from em_agent.slack.announce.rules import Rule
    from em_agent.slack.answers.sources import sources_from
    from em_agent.slack.part import SlackPart

    rules = [
        Rule(rule.channel, rule.when.service, rule.when.team, rule.when.urgency, rule.when.priority)
        for rule in settings.configuration.slack.announce
    ]
    return SlackPart(database_url, slack_access(settings), rules, sources_from(zone_of(settings.timezone), *models))
