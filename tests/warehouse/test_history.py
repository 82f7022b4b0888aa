"""History and webhooks together in the marts, against lives that were invented first."""

import json
import math
import random
from datetime import UTC, datetime

from tests.marts import Stored, Transformer, body, execute, fetch, store
from tests.warehouse.lives import lives, told, truth
from tests.warehouse.test_project import snapshot

RECEIVED = datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_losses_are_made_good(database_url: str, transformer: Transformer) -> None:
    """Whatever the webhooks lost, times and counts of what REST tells are the truth, and none counts twice."""
    invented = lives(seed=5, incidents=600)
    rows = [row for life in invented for row in told(life, seed=5)]
    random.Random(5).shuffle(rows)
    half = len(rows) // 2
    for part in (rows[:half], rows[half:-60], rows[-60:]):
        store(database_url, part)
        transformer.run()
    found = {row["incident_id"]: row for row in fetch(database_url, "SELECT * FROM warehouse.fct_incidents")}
    assert found.keys() == {life.incident_id for life in invented}
    differences = [
        (life.incident_id, life.teller, column, value, found[life.incident_id][column])
        for life in invented
        for column, value in truth(life).items()
        if not _is_same(value, found[life.incident_id][column])
    ]
    assert differences == []


def test_slices_of_history_equal_a_full_build(database_url: str, transformer: Transformer) -> None:
    """Webhooks and history, taken in by many runs in any order, give the same marts as all at once."""
    rng = random.Random(6)
    rest = [row for life in lives(seed=6, incidents=80) for row in told(life, seed=6)]
    rng.shuffle(rest)
    while rest:
        size = rng.choice((3, 40, 160))
        part, rest = rest[:size], rest[size:]
        store(database_url, part)
        transformer.run()
        execute(database_url, "DELETE FROM outbox")
    by_slices = snapshot(database_url)
    transformer.run(full_refresh=True)
    assert snapshot(database_url) == by_slices


def test_history_is_no_webhook(database_url: str, transformer: Transformer) -> None:
    """What was read over REST changes nothing of the received clock, and what is merely seen nothing of the freshness."""
    sent: list[Stored] = [
        ("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED),
        ("b", body("incident.resolved", {"id": "P1"}), RECEIVED.replace(hour=11), RECEIVED.replace(hour=11)),
    ]
    store(database_url, sent)
    transformer.run()
    received = "SELECT document_id, triggered_at, acknowledged_at, resolved_at FROM warehouse.fct_incidents_received"
    fresh = "SELECT as_of FROM warehouse.freshness"
    before = fetch(database_url, received), fetch(database_url, fresh)
    entry = json.dumps({"id": "R1", "type": "acknowledge_log_entry", "incident": {"id": "P1"}})
    seen = json.dumps({"incident": {"id": "P1", "title": "new"}, "has_log": True})
    store(database_url, [("S1", seen, None, RECEIVED.replace(hour=20), "pagerduty_snapshot")])
    transformer.run()
    assert (fetch(database_url, received), fetch(database_url, fresh)) == before
    store(database_url, [("R1", entry, RECEIVED.replace(minute=5), RECEIVED.replace(hour=20), "pagerduty_api")])
    transformer.run()
    assert fetch(database_url, received) == before[0]
    row = fetch(database_url, "SELECT title, time_to_acknowledge_seconds, last_event_at FROM warehouse.fct_incidents")[
        0
    ]
    assert row == {"title": "new", "time_to_acknowledge_seconds": 300.0, "last_event_at": RECEIVED.replace(hour=11)}


def test_rows_that_add_nothing_are_taken_in_once(database_url: str, transformer: Transformer) -> None:
    """A log entry of what a webhook told already causes one run's work, not one at each run."""
    store(database_url, [("a", body("incident.triggered", {"id": "P1"}), RECEIVED, RECEIVED)])
    transformer.run()
    entry = json.dumps({"id": "R1", "type": "trigger_log_entry", "incident": {"id": "P1"}})
    store(database_url, [("R1", entry, RECEIVED, RECEIVED, "pagerduty_api")])
    assert "fct_incidents" in transformer.run().rows
    assert "fct_incidents" not in transformer.run().rows


def _is_same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=1e-6)
    return one == other
