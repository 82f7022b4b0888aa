"""The servers of a data directory on which nothing runs, for commands that need them for themselves."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from em_agent.embedded import endpoints, orphans
from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.files import explained
from em_agent.embedded.lock import locked
from em_agent.embedded.postgres import PostgresServer
from em_agent.embedded.server import start_and_wait


def has_database(directory: DataDirectory) -> bool:
    """Whether a database was made in the directory.

    Raises:
        ConfigurationError: this user may not look into it.

    """
    with explained(directory.path):
        return (directory.path / PostgresServer.name / "data" / "PG_VERSION").is_file()


@contextmanager
def held(directory: DataDirectory) -> Iterator[None]:
    """Have nothing run on the directory, and nothing start on it meanwhile.

    Raises:
        ConflictError: something runs.

    """
    directory.create()
    with locked(directory.path):
        endpoints.remove(directory)
        orphans.end_recorded(directory)
        yield


@contextmanager
def database(directory: DataDirectory) -> Iterator[str]:
    """The URL of the directory's database, which is served meanwhile; what is made anew goes again when that fails.

    Raises:
        ConflictError: something runs on the directory.
        ConfigurationError: the server does not start.

    """
    with held(directory):
        was_there = has_database(directory)
        try:
            server = start_and_wait(PostgresServer(directory))
            try:
                yield server.url
            finally:
                server.stop()
        except BaseException:
            if not was_there:
                shutil.rmtree(directory.path / PostgresServer.name, ignore_errors=True)
            raise
