"""The commands that run one role alone."""

from collections.abc import Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from em_agent.cli.outcome import explained
from em_agent.domain.consumers import CONSUMERS
from em_agent.errors import ConfigurationError
from em_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from em_agent.embedded.roles import Role
    from em_agent.services import Connections


Consumers = Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CONSUMERS)}.")]


class Part(Protocol):
    """What a process may run several of."""

    is_well: bool

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


def relay(beside: Consumers = None) -> None:
    """Publish recorded events to JetStream; of several copies one works for each source.

    The consumers that are named run in the same process, which takes less memory than two.
    """
    _run_parts_of("relay", _known(beside or []), has_relay=True)


def worker(consumers: Consumers = None) -> None:
    """Run durable consumers, as many copies as wanted; all of them where none is named."""
    _run_parts_of("worker", _known(consumers or CONSUMERS), has_relay=False)


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
    from em_agent.app import build_connectors
    from em_agent.kit.http import serve
    from em_agent.services import open_connectors

    async with open_connectors(settings) as services:
        app = build_connectors(services)
        await serve(app, settings.host, settings.connectors_port, port_setting="EM_AGENT_CONNECTORS_PORT")


def _known(consumers: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in consumers if name not in CONSUMERS]
    if unknown:
        message = f"There is no consumer {unknown[0]!r}: choose of {', '.join(CONSUMERS)}."
        raise ConfigurationError(message)
    return consumers


def _run_parts_of(command: str, consumers: Sequence[str], *, has_relay: bool) -> None:
    role = " ".join([command, *consumers])
    _run_loop(_run_parts(_settings_for(role), role, consumers, has_relay=has_relay))


async def _run_parts(settings: Settings, role: str, consumers: Sequence[str], *, has_relay: bool) -> None:
    """Run the relay and the consumers in one event loop; each answers roll calls by its own name."""
    from em_agent.kit.postgres import wait_until_migrated
    from em_agent.kit.presence import announce
    from em_agent.kit.process import run_until_stopped
    from em_agent.kit.scratch import scratch_directory
    from em_agent.services import WORKER_POOL_SIZE, open_connections, required_urls
    from em_agent.workers.consume import Worker
    from em_agent.workers.registry import build_consumer

    database_url, _ = required_urls(settings)
    with scratch_directory() as work_dir:
        async with open_connections(settings, role, pool_size=WORKER_POOL_SIZE) as connections:
            parts: dict[str, Part] = {"relay": _build_relay(settings, connections)} if has_relay else {}
            for name in consumers:
                consumer = build_consumer(
                    name,
                    connections.pool,
                    connections.nats,
                    database_url=database_url,
                    work_dir=work_dir,
                    replicas=settings.stream_replicas,
                )
                parts[f"worker {name}"] = Worker(connections.nats, consumer, replicas=settings.stream_replicas)
            await wait_until_migrated(connections.pool)
            for name, part in parts.items():
                await announce(connections.nats, name, partial(getattr, part, "is_well"))
            await run_until_stopped(*(part.run() for part in parts.values()))


def _build_relay(settings: Settings, connections: "Connections") -> Part:
    from em_agent.integrations.registry import SOURCES
    from em_agent.relay.relay import Relay
    from em_agent.services import required_urls

    database_url, _ = required_urls(settings)
    return Relay(database_url, connections.nats, sources=list(SOURCES), replicas=settings.stream_replicas)
