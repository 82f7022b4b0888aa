"""Runs dbt and ends: importing it takes seconds and a hundred megabytes, which nobody has to keep.

The program `python -m em_agent.workers.dbt` reads its orders from the first line of standard input and writes the
outcome to standard output, both as JSON. When standard input ends, so does the program: its parent has.
"""

import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
from dbt import mp_context
from psycopg2.extensions import parse_dsn

from em_agent.errors import ConfigurationError, EmAgentError, PermanentError, RetriableError
from em_agent.workers.project import PROJECT_DIR, version_of

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
# A compiled plan costs more than these queries; a connection that died is noticed.
_OPTIONS = "-c jit=off -c TimeZone=UTC -c tcp_keepalives_idle=30"
_CONNECT_SECONDS = 3


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


def dbt_variables(work_dir: Path, project_dir: Path = PROJECT_DIR) -> dict[str, str]:
    """The variables that make dbt find the project and write only below `work_dir`."""
    return {
        "DBT_PROJECT_DIR": str(project_dir),
        "DBT_PROFILES_DIR": str(project_dir),
        "DBT_TARGET_PATH": str(work_dir / "target"),
        "DBT_LOG_PATH": str(work_dir / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def main() -> None:
    """Carry out the orders: runs of dbt, each with some arguments. The outcome counts the rows written by model."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is for our parent, which then ends us
    orders = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        outcome: dict[str, Any] = {"rows": _carry_out(**orders)}
    except EmAgentError as error:
        outcome = {"error": type(error).__name__, "message": str(error)}
    sys.stdout.write(json.dumps(outcome) + "\n")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _carry_out(database_url: str, work_dir: str, project_dir: str, runs: Sequence[Sequence[str]]) -> dict[str, int]:
    for name in ("PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"):
        os.environ.pop(name, None)
    os.environ.update(connection_variables(database_url))
    os.environ.update(dbt_variables(Path(work_dir), _without_tests(Path(project_dir), Path(work_dir) / "project")))
    os.environ["PGOPTIONS"] = _OPTIONS
    # With the version, the models keep the statements of their refresh.
    known = ["--vars", json.dumps({"project_version": version_of(Path(project_dir))})]
    manifest = _invoke(["parse", *known], None)
    rows: dict[str, int] = {}
    for arguments in runs:
        for model, count in _rows(_invoke(["run", *known, *arguments], manifest)).items():
            rows[model] = rows.get(model, 0) + count
    return rows


def _without_tests(project_dir: Path, copy: Path) -> Path:
    """A copy of the project with nothing but what makes models: to parse its tests takes as long as all the rest."""
    shutil.rmtree(copy, ignore_errors=True)
    left_out = shutil.ignore_patterns("tests", "target", "logs", "intermediate*.yml", "marts*.yml", "staging*.yml")
    return Path(shutil.copytree(project_dir, copy, ignore=left_out))


def _invoke(arguments: Sequence[str], manifest: Any) -> Any:  # noqa: ANN401 - dbt types it so
    # dbt makes locks for processes, of which it has one; these need no further process that watches over them.
    mp_context._MP_CONTEXT = multiprocessing.get_context("fork")  # type: ignore[assignment] # noqa: SLF001
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - it reads the environment

    quiet = ["--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-write-json"]
    outcome = dbtRunner(manifest=manifest).invoke([*quiet, *arguments])
    if outcome.success:
        return outcome.result
    message = _failure(outcome)
    if _is_passing(message) or not _is_reachable():
        raise RetriableError(message)
    raise PermanentError(message)


def _is_reachable() -> bool:
    try:
        psycopg2.connect(connect_timeout=_CONNECT_SECONDS).close()
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


if __name__ == "__main__":
    main()
