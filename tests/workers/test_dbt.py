"""What dbt builds and compiles of the project, and who takes in new events by it."""

import asyncio
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from em_agent.errors import ConfigurationError, PermanentError, RetriableError
from em_agent.integrations.registry import SOURCES
from em_agent.workers import refreshes
from em_agent.workers.building import build
from em_agent.workers.dbt import connection_variables, dbt_variables
from em_agent.workers.project import PROJECT_DIR
from tests.conftest import dbt_directory
from tests.marts import (
    Transformer,
    body,
    execute,
    fetch,
    store,
)

RECEIVED = datetime(2026, 3, 1, 10, tzinfo=UTC)
DBT = Path(sys.executable).parent / "dbt"


def _by_hand(database_url: str, work_dir: Path) -> dict[str, str]:
    """The environment of somebody who runs dbt by hand."""
    return {**os.environ, **connection_variables(database_url), **dbt_variables(work_dir)}


def test_every_model_and_rule_passes_its_tests(bare_url: str, tmp_path: Path) -> None:
    """Plain `dbt build` on a new database passes every data test and unit test of the project."""
    data = {"id": "P1", "service": {"id": "S1", "summary": "One"}, "teams": [{"id": "T1"}], "priority": {"id": "A"}}
    store(bare_url, [("a", body("incident.triggered", data), RECEIVED, RECEIVED)])
    outcome = subprocess.run([DBT, "build"], env=_by_hand(bare_url, tmp_path), capture_output=True, check=False)
    assert outcome.returncode == 0, outcome.stdout
    assert fetch(bare_url, "SELECT incident_id FROM warehouse.fct_incidents") == [{"incident_id": "P1"}]


def test_a_run_says_what_it_did(database_url: str, transformer: Transformer, capfd: pytest.CaptureFixture[str]) -> None:
    """A run counts the new events, costs no more when there are none, and prints nothing."""
    store(database_url, [(f"a{n}", body("incident.triggered", {"id": f"P{n}"}), RECEIVED, RECEIVED) for n in range(3)])
    assert transformer.run().new_events == 3
    assert transformer.run().new_events == 0
    assert capfd.readouterr().out == ""


def test_a_build_keeps_what_dbt_runs(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The statements that a build keeps are, to the letter, those that a run of dbt on what was built executes."""
    kept = "SELECT model, statement FROM warehouse.refreshes ORDER BY model"
    of_build = fetch(database_url, kept)
    execute(database_url, "UPDATE warehouse.refreshes SET statement = NULL")
    asyncio.run(build(database_url, dbt_directory(tmp_path_factory), PROJECT_DIR, [[]]))
    assert fetch(database_url, kept) == of_build
    assert sum(row["statement"] is not None for row in of_build) > 20


def test_readers_go_on_while_marts_are_built(database_url: str, transformer: Transformer) -> None:
    """Until a table is whole its readers have the one before, also one that reads in one transaction."""
    store(database_url, [("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED)])
    transformer.run()
    read = "SELECT count(*) AS n FROM warehouse.fct_incidents"
    stopped, seen = threading.Event(), set()

    def look() -> None:
        while not stopped.is_set():
            seen.add(fetch(database_url, read)[0]["n"])

    looking = threading.Thread(target=look)
    looking.start()
    transformer.run(full_refresh=True)
    stopped.set()
    looking.join()
    assert seen == {1}


def test_marts_of_another_version_are_built_anew(database_url: str, transformer: Transformer) -> None:
    """After an upgrade that changed the models the first run rebuilds the marts from `events_raw`."""
    store(database_url, [("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED)])
    transformer.run()
    execute(
        database_url,
        "COMMENT ON SCHEMA warehouse IS 'built by another'; DELETE FROM outbox; "
        "ALTER TABLE warehouse.fct_incidents DROP COLUMN service_key CASCADE; DELETE FROM warehouse.dim_services",
    )
    transformer.run()
    assert fetch(database_url, "SELECT incident_id, service_key FROM warehouse.fct_incidents") == [
        {"incident_id": "P1", "service_key": None}
    ]
    table = fetch(database_url, "SELECT 'warehouse.fct_incidents'::regclass::oid AS oid")
    transformer.run()
    assert fetch(database_url, "SELECT 'warehouse.fct_incidents'::regclass::oid AS oid") == table


def test_plain_dbt_runs_beside_the_worker(database_url: str, transformer: Transformer, tmp_path: Path) -> None:
    """Plain dbt by hand, at the same time as the worker, leaves the same marts."""
    store(database_url, [(f"a{n}", body("incident.triggered", {"id": f"P{n}"}), RECEIVED, RECEIVED) for n in range(9)])
    transformer.run()
    store(database_url, [(f"b{n}", body("incident.resolved", {"id": f"P{n}"}), RECEIVED, RECEIVED) for n in range(9)])
    with subprocess.Popen([DBT, "run"], env=_by_hand(database_url, tmp_path), stdout=subprocess.PIPE) as by_hand:
        while by_hand.poll() is None:
            transformer.run()
        assert by_hand.stdout is not None
        assert by_hand.returncode == 0, by_hand.stdout.read()
    statuses = fetch(database_url, "SELECT status, count(*) AS n FROM warehouse.fct_incidents GROUP BY status")
    assert statuses == [{"status": "resolved", "n": 9}]


def test_errors_say_whether_to_try_again(database_url: str, transformer: Transformer, tmp_path: Path) -> None:
    """A server that is away is worth another try, a schema that is not ours is not, and a wrong URL is a setting."""
    transformer.run()
    execute(
        database_url,
        "ALTER TABLE events_raw RENAME COLUMN payload TO body; INSERT INTO outbox VALUES (1, 'pagerduty')",
    )
    with pytest.raises(PermanentError, match="payload"):
        transformer.run()
    with pytest.raises(RetriableError):
        Transformer("postgresql://em@127.0.0.1:1/none", tmp_path).run()
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        asyncio.run(build("postgresql://em@127.0.0.1:1/none?colour=red", tmp_path, PROJECT_DIR, [[]]))


def test_urls_are_read_as_libpq_reads_them() -> None:
    """Percent-encoded passwords and socket directories reach dbt."""
    found = connection_variables("postgres://em:p%40ss%2F%25@/my%20db?host=%2Frun%2Fpg&port=6000&sslmode=disable")
    assert found == {
        "PGHOST": "/run/pg", "PGPORT": "6000", "PGUSER": "em", "PGPASSWORD": "p@ss/%", "PGDATABASE": "my db",
        "PGSSLMODE": "disable",
    }  # fmt: skip
    assert connection_variables("postgresql://em@db") == {
        "PGHOST": "db", "PGPORT": "5432", "PGUSER": "em", "PGDATABASE": "em",
    }  # fmt: skip
    assert (PROJECT_DIR / "dbt_project.yml").is_file()


def test_every_model_has_its_place(database_url: str) -> None:
    """What reads events lies in the folder of a source's vendor, and the freshness comes after every mart."""
    kept = fetch(database_url, "SELECT model, vendor, upstreams, statement FROM warehouse.refreshes")
    upstreams = {row["model"]: set(row["upstreams"]) for row in kept}
    vendors = {name.split("_")[0] for name in SOURCES}
    assert {row["vendor"] for row in kept if "events_raw" in (row["statement"] or "")} == vendors
    above = upstreams[refreshes.LAST]
    while more := set().union(*(upstreams[model] for model in above)) - above:
        above |= more
    marts = {path.stem for path in (PROJECT_DIR / "models/marts").rglob("*.sql")}
    assert marts - above == {refreshes.LAST}
    assert {path.stem for path in (PROJECT_DIR / "models").rglob("*.sql")} == set(upstreams)
