"""Runs of some of the models, by what dbt compiled of them: what they leave out, and that they leave out no event."""

import asyncio
import json
import random
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from em_agent.integrations.registry import SOURCES
from em_agent.workers.building import build
from em_agent.workers.project import PROJECT_DIR
from tests.marts import Transformer, body, execute, fetch, store

RECEIVED = datetime(2026, 3, 1, 10, tzinfo=UTC)
# Models of another vendor, and one that is made of both.
PUSHES = """
{{ config(unique_key="event_id") }}
select events_raw.id as event_id, events_raw.payload ->> 'incident' as incident_id, {{ mark_of_run() }} as transformed_at
from {{ source("em_agent", "events_raw") }} as events_raw
{% if is_incremental() %} inner join {{ source("em_agent", "outbox") }} as o on events_raw.id = o.event_id {% endif %}
where events_raw.source = 'madeup'
{% if is_incremental() %} and not exists (select from {{ this }} as done where done.event_id = events_raw.id) {% endif %}
"""
MENTIONS = """
{{ config(unique_key="incident_id") }}
select i.incident_id, i.status, count(p.event_id) as pushes, {{ mark_of_run() }} as transformed_at
from {{ ref("fct_incidents") }} as i
left join {{ ref("stg_madeup__pushes") }} as p on i.incident_id = p.incident_id
{% if is_incremental() %}
where i.transformed_at > {{ watermark() }} or i.incident_id in (
    select incident_id from {{ ref("stg_madeup__pushes") }} where transformed_at > {{ watermark() }}
)
{% endif %}
group by i.incident_id, i.status
"""
OTHERS = ("*/delivery", "*/issues", *(f"staging/{name}" for name in SOURCES if name != "pagerduty"), "staging/em_agent")
OURS = re.compile(r"dim_|fct_incidents_received")


@pytest.fixture
def database_url(bare_url: str) -> str:
    """A database without the marts of the whole project."""
    return bare_url


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without the models of the other vendors, and with these."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT_DIR, project)
    for place in OTHERS:
        for path in (project / "models").glob(place):
            shutil.rmtree(path)
    freshness = project / "models/marts/freshness.sql"
    above = freshness.read_text().splitlines(keepends=True)
    freshness.write_text("".join(line for line in above if "depends_on" not in line or OURS.search(line)))
    for place, text in {"staging/madeup/stg_madeup__pushes": PUSHES, "marts/delivery/fct_mentions": MENTIONS}.items():
        path = project / "models" / f"{place}.sql"
        path.parent.mkdir()
        path.write_text(text)
    return project


@pytest.fixture
def transformer(database_url: str, tmp_path: Path, project: Path) -> Transformer:
    """What runs it."""
    return Transformer(database_url, tmp_path / "work", project)


def _push(number: int, incident: str) -> tuple[str, str, None, datetime, str]:
    return f"push{number}", json.dumps({"incident": incident}), None, RECEIVED, "madeup"


def _marks(url: str) -> dict[str, Any]:
    return {row["model"]: row["mark"] for row in fetch(url, "SELECT * FROM warehouse.taken_in")}


def _mentions(url: str) -> list[dict[str, Any]]:
    return fetch(url, "SELECT incident_id, status, pushes FROM warehouse.fct_mentions ORDER BY 1")


def test_a_run_looks_at_what_new_events_concern(database_url: str, transformer: Transformer) -> None:
    """Events of a vendor cause a run of its models, of what is made of them and of the freshness; none causes none."""
    store(database_url, [("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED)])
    transformer.run()
    execute(database_url, "DELETE FROM outbox")
    before = _marks(database_url)
    transformer.run()
    assert _marks(database_url) == before
    store(database_url, [_push(1, "P1")])
    transformer.run()
    after = _marks(database_url)
    assert {model for model in after if after[model] > before[model]} == {
        "stg_madeup__pushes", "fct_mentions", "freshness",
    }  # fmt: skip
    execute(database_url, "DELETE FROM outbox")
    store(database_url, [("b", "{}", RECEIVED, RECEIVED, "pagerduty_api")])
    transformer.run()
    assert {model for model, mark in _marks(database_url).items() if mark == after[model]} == {"stg_madeup__pushes"}
    assert _mentions(database_url) == [{"incident_id": "P1", "status": "triggered", "pushes": 1}]


def test_what_is_gone_is_made_again(database_url: str, transformer: Transformer) -> None:
    """A view or table that was dropped is made again by the next run, with all that was in it."""
    transformer.run()
    store(database_url, [("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED)])
    transformer.run()
    execute(database_url, "DROP VIEW warehouse.int_incidents__sequenced; DROP TABLE warehouse.fct_incidents CASCADE")
    store(database_url, [("b", body("incident.triggered", {"id": "P2"}), RECEIVED, RECEIVED)])
    transformer.run()
    found = fetch(database_url, "SELECT incident_id FROM warehouse.fct_incidents ORDER BY 1")
    assert [row["incident_id"] for row in found] == ["P1", "P2"]


def test_a_lost_statement_is_compiled_again(database_url: str, transformer: Transformer) -> None:
    """Where the statements are gone, or one fails, dbt takes in what is new and compiles them again."""
    transformer.run()
    kept = "SELECT count(*) FILTER (WHERE statement LIKE '%em_agent.mark%') AS n FROM warehouse.refreshes"
    whole = fetch(database_url, kept)
    for number, loss in enumerate(
        (
            "DELETE FROM warehouse.refreshes",
            "UPDATE warehouse.refreshes SET statement = 'SELECT 1/0' WHERE vendor <> ''",
        )
    ):
        execute(database_url, loss)
        store(database_url, [(f"a{number}", body("incident.triggered", {"id": f"P{number}"}), RECEIVED, RECEIVED)])
        transformer.run()
        found = fetch(database_url, "SELECT count(*) AS n FROM warehouse.fct_incidents")
        assert (fetch(database_url, kept), found) == (whole, [{"n": number + 1}])


def test_the_mapping_is_applied_to_all_that_was(database_url: str, transformer: Transformer) -> None:
    """With another mapping what rests on it is built from all there is; the tables of others are left alone."""
    store(database_url, [("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED), _push(1, "P1")])
    transformer.run()
    tables = "SELECT 'warehouse.fct_incidents'::regclass::oid AS oid"
    table, before = fetch(database_url, tables), _mentions(database_url)
    execute(
        database_url,
        "UPDATE warehouse.fct_mentions SET pushes = 7; DELETE FROM outbox; UPDATE delivery_settings SET version = 5",
    )
    transformer.run()
    assert (fetch(database_url, tables), _mentions(database_url)) == (table, before)
    assert fetch(database_url, "SELECT built_version FROM delivery_settings") == [{"built_version": 5}]


def test_no_event_is_left_out(database_url: str, transformer: Transformer, project: Path, tmp_path: Path) -> None:
    """Whatever runs build which models in which order, between them and by hand, the tables are those of a full build."""
    rng = random.Random(4)
    models = ["stg_pagerduty__incident_events", "fct_incident_episodes", "fct_incidents", "stg_madeup__pushes"]
    transformer.run()
    for number in range(12):
        incident = f"P{rng.randrange(6)}"
        kind = rng.choice(["triggered", "acknowledged", "resolved"])
        told = (f"a{number}", body(f"incident.{kind}", {"id": incident}), RECEIVED.replace(minute=number), RECEIVED)
        store(database_url, rng.choice([[told], [_push(number, incident)], [told, _push(number, incident)]]))
        by_hand = [["--select", model] for model in (rng.choice(models), "fct_mentions") if rng.random() < 0.2]
        if by_hand:
            asyncio.run(build(database_url, tmp_path / "work", project, by_hand))
        if rng.random() < 0.6:
            transformer.run()
            execute(database_url, "DELETE FROM outbox")
    transformer.run()
    found = _mentions(database_url)
    transformer.run(full_refresh=True)
    assert found == _mentions(database_url)
    assert sum(row["pushes"] for row in found) > 2


def test_marks_only_grow(database_url: str) -> None:
    """A mark is later than the one before it, to the microsecond, though the clock was set back."""
    execute(database_url, "SELECT setval('warehouse.marks', 4102444800123456)")
    first, second = (fetch(database_url, "SELECT warehouse.next_mark() AS mark")[0]["mark"] for _ in range(2))
    assert (first, second) == (
        datetime(2100, 1, 1, 0, 0, 0, 123457, tzinfo=UTC), datetime(2100, 1, 1, 0, 0, 0, 123458, tzinfo=UTC),
    )  # fmt: skip
