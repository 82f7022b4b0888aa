"""The addresses in use, which `up` leaves in the data directory for other commands."""

from dataclasses import asdict, dataclass, field

from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.lock import is_locked
from em_agent.errors import NotFoundError
from em_agent.settings import Settings

_FILE = "endpoints.json"


@dataclass(frozen=True)
class Endpoints:
    """Where everything is. The server URLs hold passwords."""

    api_url: str
    connectors_url: str
    database_url: str = field(repr=False)
    nats_url: str = field(repr=False)
    data_dir: str


def planned(settings: Settings, database_url: str, nats_url: str) -> Endpoints:
    """The addresses that these settings lead to."""
    host = reachable_host(settings.host)
    return Endpoints(
        api_url=f"http://{host}:{settings.port}",
        connectors_url=f"http://{host}:{settings.connectors_port}",
        database_url=database_url,
        nats_url=nats_url,
        data_dir=str(settings.data_dir.absolute()),
    )


def reachable_host(host: str) -> str:
    """An address, as a URL has it, at which this machine reaches a service that is bound to `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def write(directory: DataDirectory, endpoints: Endpoints) -> None:
    """Leave the addresses for other commands."""
    directory.write_json(_FILE, dict(asdict(endpoints)))


def remove(directory: DataDirectory) -> None:
    """Say that nothing runs any more."""
    directory.remove(_FILE)


def in_use(settings: Settings) -> Endpoints:
    """The addresses of what runs on the data directory, else those of the external servers that the settings name.

    Raises:
        NotFoundError: nothing runs, and the settings do not name both servers.

    """
    if is_locked(settings.data_dir):
        found = DataDirectory(settings.data_dir).read_json(_FILE)
        if set(found) == set(Endpoints.__dataclass_fields__):
            return Endpoints(**{name: str(value) for name, value in found.items()})
        message = f"em-agent on {settings.data_dir} is starting or stopping: ask again when it says that it is ready."
        raise NotFoundError(message)
    if settings.database_url and settings.nats_url:
        return planned(settings, settings.database_url, settings.nats_url)
    message = f"Nothing runs on {settings.data_dir}: start it with `em-agent up`, or name its EM_AGENT_DATA_DIR."
    raise NotFoundError(message)


def database_url(settings: Settings) -> str:
    """The database that the settings name, else that of what runs on the data directory.

    Raises:
        NotFoundError: neither is there.

    """
    return settings.database_url or in_use(settings).database_url
