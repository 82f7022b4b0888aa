"""Runs the dbt project in this process, again and again, on one parsed manifest."""

import hashlib
import multiprocessing
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg2
from dbt import mp_context
from psycopg2.extensions import parse_dsn

from em_agent.errors import ConfigurationError, PermanentError, RetriableError
from em_agent.kit import memory
from em_agent.workers import selection

PROJECT_DIR = Path(str(files("em_agent") / "warehouse"))

# What libpq calls a part of the connection string, and the variable that it, psql and the project's profile read.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
# A compiled plan costs more than these small queries; a connection that died is noticed.
_OPTIONS = "-c jit=off -c TimeZone=UTC -c tcp_keepalives_idle=30"
_CONNECT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: rows written by model, and how long it took."""

    seconds: float
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def new_events(self) -> int:
        """Events that were not staged before."""
        return sum(count for model, count in self.rows.items() if model.startswith("stg_"))


def connection_variables(database_url: str) -> dict[str, str]:
    """The PG* variables that make dbt, psql and the project's profile connect to `database_url`.

    Raises:
        ConfigurationError: libpq does not understand the URL.

    """
    try:
        parts = parse_dsn(database_url)
    except psycopg2.Error as error:
        message = f"DATABASE_URL cannot be used by dbt: {str(error).strip()}."
        raise ConfigurationError(message) from error
    found = {variable: parts[name] for name, variable in _VARIABLES.items() if parts.get(name)}
    # libpq takes a list of ports for a list of hosts; dbt takes one number.
    found["PGPORT"] = found.get("PGPORT", "5432").split(",")[0]
    return {"PGUSER": "postgres", "PGDATABASE": found.get("PGUSER", "postgres"), "PGHOST": "localhost", **found}


@cache
def _project_mark() -> str:
    """What tells this version of the models from others: a digest of all that makes their rows."""
    digest = hashlib.sha256()
    for path in sorted([PROJECT_DIR / "dbt_project.yml", *PROJECT_DIR.rglob("*.sql")]):
        if "target" not in path.parts and "tests" not in path.parts:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"built by {digest.hexdigest()}"


def dbt_variables(work_dir: Path) -> dict[str, str]:
    """The variables that make dbt find the project and write only below `work_dir`."""
    return {
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(work_dir / "target"),
        "DBT_LOG_PATH": str(work_dir / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


class Transformer:
    """Brings the marts up to date; one for each process, one run at a time.

    dbt is configured by the process's environment, which the constructor sets. Importing it and parsing the project
    takes some seconds, at the first run; later runs take tenths of one and follow the number of new events.
    """

    def __init__(self, database_url: str, work_dir: Path) -> None:
        """Write compiled SQL and logs below `work_dir`.

        Raises:
            ConfigurationError: the database URL is wrong.

        """
        self._database_url = database_url
        self._manifest: Any = None
        self._is_sure = False  # that every mart is there, and that no run broke off since
        work_dir.mkdir(parents=True, exist_ok=True)
        for name in ("PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"):
            os.environ.pop(name, None)
        os.environ.update(connection_variables(database_url))
        os.environ.update(dbt_variables(work_dir))
        os.environ["PGOPTIONS"] = _OPTIONS

    def run(self, *, full_refresh: bool = False, tags: Sequence[str] = ()) -> Summary:
        """What was done to take in every event of the outbox, or, with `full_refresh`, to build all anew.

        The first run, and the one after a failure, look at every model, later ones at those that new events concern.
        Marts that another version of the project built, or that rest on another mapping of services, are built anew.
        With `tags` a full refresh is one of the models that have one of them, and of what is made of these.

        Raises:
            RetriableError: the database is away, or in the way: a later run may work.
            PermanentError: the project or the schema is wrong: every run would fail.

        """
        started = time.monotonic()
        with self._turn() as connection, connection.cursor() as cursor:
            self.load()
            cursor.execute("SELECT obj_description(to_regnamespace('warehouse'), 'pg_namespace')")
            is_other = cursor.fetchone() != (_project_mark(),)
            version = selection.mapping_to_apply(cursor)
            if version is not None and not (is_other or full_refresh):
                self._is_sure = False
                self._invoke(["run", "--full-refresh", *selection.of_tags(selection.MAPPED)])
                selection.note_applied(cursor, version)
            if is_other or full_refresh:
                selected: list[str] | None = ["--full-refresh", *([] if is_other else selection.of_tags(tags))]
            else:
                selected = selection.of_new_events(cursor, self._manifest) if self._is_sure else []
            if selected is None:
                return Summary(time.monotonic() - started)
            self._is_sure = False
            result = self._invoke(["run", *selected])
            self._is_sure = True
            if is_other:
                cursor.execute("COMMENT ON SCHEMA warehouse IS %s", (_project_mark(),))
            if version is not None and (is_other or (full_refresh and not tags)):
                selection.note_applied(cursor, version)
        memory.give_back()
        return Summary(time.monotonic() - started, _rows(result))

    def load(self) -> None:
        """Import dbt and parse the project, unless that is done. It changes nothing, and may be broken off.

        Raises:
            PermanentError: the project is wrong.

        """
        if self._manifest is None:
            # dbt makes locks for processes, of which it has one; these need no further process that watches over them.
            mp_context._MP_CONTEXT = multiprocessing.get_context("fork")  # type: ignore[assignment] # noqa: SLF001
            self._manifest = self._invoke(["parse"])
            memory.forget("mashumaro", "typing")  # megabytes about the classes that it made, all of them by now
            memory.give_back()
            memory.settle()

    def _invoke(self, arguments: Sequence[str]) -> Any:  # noqa: ANN401 - dbt types it so
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - seconds to import, which other roles don't need

        quiet = ["--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-write-json"]
        outcome = dbtRunner(manifest=self._manifest).invoke([*quiet, *arguments])
        if outcome.success:
            return outcome.result
        message = _failure(outcome)
        if _is_passing(message) or not self._is_reachable():
            raise RetriableError(message)
        raise PermanentError(message)

    @contextmanager
    def _turn(self) -> Iterator[psycopg2.extensions.connection]:
        """Wait for the runs of other copies; the session with the lock ends with this process, however it ends."""
        try:
            connection = psycopg2.connect(self._database_url, connect_timeout=_CONNECT_SECONDS)
        except psycopg2.OperationalError as error:
            message = f"PostgreSQL does not answer: {str(error).strip()}"
            raise RetriableError(message) from error
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(hashtextextended('em_agent.warehouse.run', 0))")
            yield connection
        except psycopg2.OperationalError as error:
            message = f"PostgreSQL went away: {str(error).strip()}"
            raise RetriableError(message) from error
        finally:
            connection.close()

    def _is_reachable(self) -> bool:
        try:
            psycopg2.connect(self._database_url, connect_timeout=_CONNECT_SECONDS).close()
        except psycopg2.OperationalError:
            return False
        return True


def _rows(result: Any) -> dict[str, int]:  # noqa: ANN401 - dbt types it so
    counts = ((node.node.name, node.adapter_response.get("rows_affected")) for node in result.results)
    return {name: count for name, count in counts if isinstance(count, int) and count > 0}


def _failure(outcome: Any) -> str:  # noqa: ANN401 - dbt types it so
    if outcome.exception is not None:
        return f"dbt failed: {outcome.exception}"
    results = getattr(outcome.result, "results", [])
    failed = [f"{node.node.name}: {node.message}" for node in results if node.status in {"error", "fail"}]
    return "dbt failed: " + "; ".join(failed or ["it does not say why"])


# A full build beside this run replaces tables under its hands.
_REPLACED = re.compile(r'relation ".*" (does not exist|already exists)')

# Texts of PostgreSQL's and libpq's errors of the classes 08, 40, 53, 55, 57: connection, rollback, resources, in use,
# intervention. dbt keeps no code of an error.
_PASSING = (
    "connection",
    "could not connect",
    "deadlock detected",
    "could not serialize",
    "lock timeout",
    "canceling statement",
    "terminating",
    "too many clients",
    "remaining connection slots",
    "out of memory",
    "no space left",
    "could not extend",
    "could not write",
    "could not open",
    "disk full",
    "shutting down",
    "starting up",
    "recovery mode",
    "read-only transaction",
)


def _is_passing(message: str) -> bool:
    lowered = message.lower()
    return bool(_REPLACED.search(lowered)) or any(text in lowered for text in _PASSING)
