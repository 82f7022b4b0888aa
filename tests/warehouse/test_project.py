"""The dbt project against random histories whose truth is known."""

import math
import random
from typing import Any

from tests.marts import Transformer, execute, fetch, store
from tests.warehouse.histories import Told, histories
from tests.warehouse.truth import truth

NOTEBOOK = """
WITH incident_lifecycle AS (
  SELECT
    payload::json->'event'->'data'->>'id' as incident_id,
    MIN(CASE WHEN payload::json->'event'->>'event_type' = 'incident.triggered' THEN received_at END) as triggered_at,
    MAX(CASE WHEN payload::json->'event'->>'event_type' = 'incident.resolved' THEN received_at END) as resolved_at,
    MIN(CASE WHEN payload::json->'event'->>'event_type' = 'incident.acknowledged' THEN received_at END)
      as acknowledged_at
  FROM events_raw
  WHERE source = 'pagerduty' AND payload::json->'event'->>'event_type'
    IN ('incident.triggered', 'incident.resolved', 'incident.acknowledged')
  GROUP BY 1
)
SELECT * FROM incident_lifecycle ORDER BY incident_id
"""
DERIVED = (
    "fct_incidents", "fct_incident_episodes", "fct_incidents_received", "dim_services", "dim_teams", "dim_priorities",
    "dim_escalation_policies",
)  # fmt: skip


def expected(told: list[Told]) -> dict[str, dict[str, Any]]:
    """The truth of each incident."""
    ids = {event.incident_id for event in told}
    return {key: truth([event for event in told if event.incident_id == key]) for key in ids}


def compare(rows: list[dict[str, Any]], told: list[Told]) -> None:
    """Every incident is there, once, and each of its columns is as the truth has it."""
    facts = expected(told)
    assert sorted(row["incident_id"] for row in rows) == sorted(facts)
    for row in rows:
        for column, value in facts[row["incident_id"]].items():
            found = row[column]
            if isinstance(value, float) and isinstance(found, float):
                assert math.isclose(found, value, abs_tol=1e-6), (row["incident_id"], column, found, value)
            else:
                assert found == value, (row["incident_id"], column, found, value)


def snapshot(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every mart without the marks of the runs."""
    marts = {}
    for name in DERIVED:
        rows = [
            {k: v for k, v in row.items() if k != "transformed_at"}
            for row in fetch(url, f"SELECT * FROM warehouse.{name}")
        ]
        marts[name] = sorted(rows, key=repr)
    return marts


def test_marts_are_the_truth(database_url: str, transformer: Transformer) -> None:
    """Any histories, shuffled, with lost triggers, reopenings, merges and odd fields, give exactly their truth."""
    told = histories(seed=1, incidents=400)
    store(database_url, [event.stored() for event in told])
    transformer.run()
    compare(fetch(database_url, "SELECT * FROM warehouse.fct_incidents"), told)


def test_slices_equal_a_full_build(database_url: str, transformer: Transformer) -> None:
    """Events taken in by many runs, in any order, give the same marts as all of them at once."""
    told = histories(seed=2, incidents=60)
    rng = random.Random(2)
    rest = list(told)
    while rest:
        size = rng.choice((1, 7, 40, 90))
        part, rest = rest[:size], rest[size:]
        store(database_url, [event.stored() for event in part])
        transformer.run()
        if rng.random() < 0.5:  # what is transformed may leave the outbox
            execute(database_url, "DELETE FROM outbox")
    by_slices = snapshot(database_url)
    compare(fetch(database_url, "SELECT * FROM warehouse.fct_incidents"), told)
    transformer.run(full_refresh=True)
    assert snapshot(database_url) == by_slices


def test_received_is_the_notebook_query(database_url: str, transformer: Transformer) -> None:
    """The received clock has the rows of the notebook's query, those without an id included."""
    told = histories(seed=3, incidents=80)
    rng = random.Random(3)
    for event in rng.sample(told, 12):
        event.data["id"] = rng.choice((None, 7, "", {"a": 1}, "x" * 5000, [1]))
    events = [event.stored() for event in told]
    for part in (events[:100], events[100:150], events[150:]):
        store(database_url, part)
        transformer.run()
    rows = fetch(
        database_url,
        "SELECT document_id AS incident_id, triggered_at, resolved_at, acknowledged_at "
        "FROM warehouse.fct_incidents_received ORDER BY 1",
    )
    assert rows == fetch(database_url, NOTEBOOK)
