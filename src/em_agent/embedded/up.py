"""Everything on one machine, from the settings: servers where none are named, migrations, roles."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence

import structlog

from em_agent.embedded import endpoints, orphans
from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.endpoints import Endpoints
from em_agent.embedded.lock import locked
from em_agent.embedded.nats import NatsServer
from em_agent.embedded.postgres import PostgresServer
from em_agent.embedded.roles import Role
from em_agent.embedded.supervisor import Plan, Supervisor
from em_agent.errors import ConfigurationError, RetriableError
from em_agent.kit.logging import Seldom
from em_agent.kit.postgres import migrate
from em_agent.settings import Settings

_EXTERNAL_ATTEMPTS = 30

log = structlog.get_logger()


def run_up(
    settings: Settings,
    announce: Callable[[Endpoints], None],
    roles: Callable[[Settings], Sequence[Role]],
) -> None:
    """Run everything until SIGINT or SIGTERM; `announce` is called when all of it answers.

    Raises:
        EmAgentError: something is wrong with the settings, the directory, a port or a part; nothing is left running.

    """
    settings.check_exposure()
    directory = DataDirectory(settings.data_dir)
    directory.create()
    with locked(directory.path):
        endpoints.remove(directory)
        orphans.end_recorded(directory)
        check_ports(settings)
        asyncio.run(_supervise(settings, directory, announce, roles))


async def _supervise(
    settings: Settings,
    directory: DataDirectory,
    announce: Callable[[Endpoints], None],
    roles: Callable[[Settings], Sequence[Role]],
) -> None:
    postgres = None if settings.database_url else PostgresServer(directory)
    nats = None if settings.nats_url else NatsServer(directory)
    # NATS first: it starts while a new PostgreSQL cluster is made, and ends before PostgreSQL does.
    servers = [server for server in (nats, postgres) if server is not None]

    def addresses() -> Endpoints:
        return endpoints.planned(
            settings,
            database_url=settings.database_url or (postgres.url if postgres else ""),
            nats_url=settings.nats_url or (nats.url if nats else ""),
        )

    def publish() -> None:
        endpoints.write(directory, addresses())

    def announce_ready() -> None:
        publish()
        announce(addresses())

    plan = Plan(
        directory=directory,
        servers=servers,
        roles=roles(settings),
        environment=lambda: _environment(settings, addresses()),
        prepare=lambda: _migrate(addresses().database_url, is_external=postgres is None),
        announce=announce_ready,
        move=publish,
    )
    try:
        await Supervisor(plan).run()
    finally:
        endpoints.remove(directory)


async def _migrate(url: str, *, is_external: bool) -> None:
    """Bring the database up to this release. A server of the user's own may come up a little after us."""
    unreachable = Seldom()
    for attempt in range(1, _EXTERNAL_ATTEMPTS + 1):
        try:
            applied = await migrate(url)
        except RetriableError as error:
            if not is_external or attempt == _EXTERNAL_ATTEMPTS:
                raise
            if unreachable.may_say():
                log.warning("postgres.unreachable", error=str(error))
            await asyncio.sleep(0.5)
        else:
            log.info("postgres.migrated", applied=applied)
            return


def _environment(settings: Settings, addresses: Endpoints) -> dict[str, str]:
    """What the roles see: our own environment, with the addresses in use."""
    return {
        **os.environ,
        "EM_AGENT_DATA_DIR": addresses.data_dir,
        "EM_AGENT_HOST": settings.host,
        "EM_AGENT_PORT": str(settings.port),
        "EM_AGENT_CONNECTORS_PORT": str(settings.connectors_port),
        "DATABASE_URL": addresses.database_url,
        "NATS_URL": addresses.nats_url,
    }


def check_ports(settings: Settings) -> None:
    """See that the gateway and the connectors will be able to listen.

    Raises:
        ConfigurationError: one will not; the text names the setting.

    """
    if settings.port == settings.connectors_port:
        message = f"EM_AGENT_CONNECTORS_PORT is {settings.port}, as EM_AGENT_PORT is: set another port."
        raise ConfigurationError(message)
    for setting, port in (("EM_AGENT_PORT", settings.port), ("EM_AGENT_CONNECTORS_PORT", settings.connectors_port)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0]
        except OSError as error:
            message = f"EM_AGENT_HOST is {settings.host}, which is no address of this machine: {error.strerror}."
            raise ConfigurationError(message) from error
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                probe.listen(1)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                message = f"{setting} is {port}, on which {settings.host} cannot listen ({reason}): set another port."
                raise ConfigurationError(message) from error
