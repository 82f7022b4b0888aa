"""The commands that run one role alone."""

from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from em_agent.cli.outcome import explained
from em_agent.domain.consumers import CONSUMERS
from em_agent.errors import ConfigurationError
from em_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from em_agent.embedded.roles import Role


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


def relay() -> None:
    """Publish recorded events to JetStream; of several copies one works for each source."""
    _run_loop(_run_relay(_settings_for("relay")))


def worker(
    consumers: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CONSUMERS)}; all when none.")] = None,
) -> None:
    """Run durable consumers, as many copies as wanted."""
    names = consumers or list(CONSUMERS)
    unknown = [name for name in names if name not in CONSUMERS]
    if unknown:
        message = f"There is no consumer {unknown[0]!r}: choose of {', '.join(CONSUMERS)}."
        raise ConfigurationError(message)
    _run_loop(_run_workers(_settings_for(f"worker {' '.join(names)}"), names))


def run_role(words: Sequence[str]) -> None:
    """Run the role of these words, as `em-agent` does with them."""
    name, *names = words
    with explained():
        if name == "worker":
            worker(names)
        else:
            {"gateway": gateway, "connectors": connectors, "relay": relay}[name]()


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


async def _run_relay(settings: Settings) -> None:
    from em_agent.integrations.registry import SOURCES
    from em_agent.kit.nats import open_client
    from em_agent.kit.presence import announce
    from em_agent.kit.process import run_until_stopped
    from em_agent.relay.relay import Relay
    from em_agent.services import required_urls

    database_url, nats_url = required_urls(settings)
    async with open_client(nats_url, name="em-agent relay") as client:
        part = Relay(database_url, client, sources=list(SOURCES), replicas=settings.stream_replicas)
        await announce(client, "relay", lambda: part.is_well)
        await run_until_stopped(part.run())


async def _run_workers(settings: Settings, names: list[str]) -> None:
    from em_agent.kit.postgres import wait_until_migrated
    from em_agent.kit.presence import announce
    from em_agent.kit.process import run_until_stopped
    from em_agent.services import WORKER_POOL_SIZE, open_connections, required_urls
    from em_agent.workers.consume import Worker
    from em_agent.workers.registry import build_consumer

    database_url, _ = required_urls(settings)
    replicas = settings.stream_replicas
    with TemporaryDirectory(prefix="em-agent-") as work_dir:
        role = f"worker {' '.join(names)}"
        async with open_connections(settings, role, pool_size=WORKER_POOL_SIZE) as connections:
            consumers = [
                build_consumer(
                    name,
                    connections.pool,
                    connections.nats,
                    database_url=database_url,
                    work_dir=Path(work_dir),
                    replicas=replicas,
                )
                for name in names
            ]
            workers = [Worker(connections.nats, consumer, replicas=replicas) for consumer in consumers]
            await wait_until_migrated(connections.pool)
            for name, worker in zip(names, workers, strict=True):
                await announce(connections.nats, f"worker {name}", partial(getattr, worker, "is_well"))
            await run_until_stopped(*(worker.run() for worker in workers))
