"""Writes what the configuration file says of services to where the models of the warehouse read it."""

from collections.abc import Sequence

from em_agent.configuration import Configuration, Service
from em_agent.kit import postgres
from em_agent.kit.postgres import Connection

# Kind, name in small letters, service.
Name = tuple[str, str, str]

_SECONDS_OF_AN_HOUR = 3600

_LOCKED = "SELECT change_window_seconds FROM delivery_settings FOR UPDATE"
_KNOWN = "SELECT kind, name, service FROM service_mapping"
_INSERT = "INSERT INTO service_mapping (kind, name, service) VALUES ($1, $2, $3)"
_CHANGED = "UPDATE delivery_settings SET change_window_seconds = $1, version = version + 1"


def names_of(services: Sequence[Service]) -> set[Name]:
    """Every name by which a tool knows a service.

    A service is known by its own name to PagerDuty and to whoever posts deployments, and these by PagerDuty's names of
    it, unless another service claims that name.
    """
    by_pagerduty, by_posts = dict[str, str](), dict[str, str]()
    for names in ("pagerduty", "name"):
        _claim(by_pagerduty, services, names)
    for names in ("deployments", "name", "pagerduty"):
        _claim(by_posts, services, names)
    found = {("pagerduty", name, service) for name, service in by_pagerduty.items()}
    found |= {("deployment", name, service) for name, service in by_posts.items()}
    for service in services:
        for kind, stated in (
            ("repository", service.repositories),
            ("team", service.teams),
            ("jira", service.jira),
            ("linear", service.linear),
            ("shortcut", service.shortcut),
        ):
            found |= {(kind, name.lower(), service.name) for name in stated}
    return found


def _claim(owners: dict[str, str], services: Sequence[Service], field: str) -> None:
    for service in services:
        value = getattr(service, field)
        for name in (value,) if isinstance(value, str) else value:
            owners.setdefault(name.lower(), service.name)


async def store_mapping(database_url: str, configuration: Configuration) -> bool:
    """Whether the mapping that is in the database now is another one than before.

    Raises:
        RetriableError: the database does not answer.

    """
    connection = await postgres.connect(database_url, name="em-agent mapping")
    try:
        async with postgres.reachable(), connection.transaction():
            return await _store(connection, configuration)
    finally:
        connection.terminate()


async def _store(connection: Connection, configuration: Configuration) -> bool:
    names = names_of(configuration.services)
    seconds = configuration.dora.change_window_hours * _SECONDS_OF_AN_HOUR
    before = await connection.fetchval(_LOCKED)
    known = {tuple(row) for row in await connection.fetch(_KNOWN)}
    if known == names and before == seconds:
        return False
    await connection.execute("DELETE FROM service_mapping")
    await connection.executemany(_INSERT, sorted(names))
    await connection.execute(_CHANGED, seconds)
    return True
