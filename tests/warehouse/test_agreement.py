"""The two readings of the same events, the live fold in Python and the marts in SQL, against each other."""

import json
import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.fold import fold
from em_agent.domain.incidents import Incident, IncidentEvent
from em_agent.integrations.registry import INCIDENT_READERS
from em_agent.kit import json as kit_json
from tests.marts import Transformer, execute, fetch, store
from tests.warehouse.histories import histories, read_histories
from tests.warehouse.test_odd_bodies import odd_bodies, odd_readings

RECEIVED = datetime(2026, 3, 1, 10, tzinfo=UTC)
# What only one of them can keep: an index takes no longer id.
LONGEST_ID = 200


def folded(url: str) -> dict[str, Incident]:
    """Every incident of `events_raw` as the live fold has it."""
    told: dict[str, list[IncidentEvent]] = defaultdict(list)
    for row in fetch(
        url, "SELECT id, source, event_type, delivery_id, occurred_at, received_at, payload FROM events_raw"
    ):
        payload = row.pop("payload")
        event = INCIDENT_READERS[row["source"]](StoredEvent(**row), kit_json.loads(payload))
        if event is not None and len(event.incident_id) <= LONGEST_ID:
            told[event.incident_id].append(event)
    return {key: fold(events) for key, events in told.items()}


def as_columns(incident: Incident) -> dict[str, Any]:
    """The columns of `fct_incidents` that the live state has too."""
    snapshot = incident.snapshot
    service, priority, policy = snapshot.service, snapshot.priority, snapshot.escalation_policy
    return {
        "number": snapshot.number,
        "title": snapshot.title,
        "html_url": snapshot.url,
        "status": incident.status,
        "urgency": snapshot.urgency,
        "service_id": _short(service.id) if service else None,
        "service_name": service.name if service else None,
        "priority_id": _short(priority.id) if priority else None,
        "priority_name": priority.name if priority else None,
        "escalation_policy_id": _short(policy.id) if policy else None,
        "escalation_policy_name": policy.name if policy else None,
        "team_ids": [_short(team.id) for team in snapshot.teams or ()],
        "team_names": [team.name for team in snapshot.teams or ()],
        "triggered_at": incident.triggered_at,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_at": incident.resolved_at,
        "time_to_acknowledge_seconds": incident.time_to_acknowledge_seconds,
        "time_to_resolve_seconds": incident.time_to_resolve_seconds,
        # Without a trigger the first episode has no begin, so that the marts give no sum.
        "active_seconds": incident.active_seconds if incident.triggered_at else None,
        "reopen_count": incident.reopen_count,
        "escalation_count": incident.escalation_count,
        "is_merged": incident.is_merged,
        "is_auto_resolved": incident.is_auto_resolved,
        "last_event_at": incident.last_event_at,
        "triggered_from": incident.sources.triggered_at,
        "acknowledged_from": incident.sources.acknowledged_at,
        "resolved_from": incident.sources.resolved_at,
        "event_count": len(incident.facts),
        "is_clock_suspect": any(event.is_clock_suspect for event in incident.facts),
    }


def _short(key: str | None) -> str | None:
    return key if key and len(key) <= LONGEST_ID else None


def test_marts_agree_with_the_live_state(database_url: str, transformer: Transformer) -> None:
    """Whatever the histories and however odd the bodies, both readings come to the same incidents."""
    told = [event.stored() for seed in (21, 22) for event in histories(seed=seed, incidents=150)]
    bodies = [body.replace("PODD", f"PODD{n}") for n, body in enumerate(odd_bodies())]
    bodies += [
        json.dumps({"event": {"event_type": "incident.resolved", "data": {"id": f"PODD{n}"}}}) for n in range(300)
    ]
    store(database_url, [*told, *((f"odd-{n}", body, None, RECEIVED) for n, body in enumerate(bodies))])
    read = [(source, text.replace("PODD", f"PREAD{n // 3}")) for n, (source, text) in enumerate(odd_readings())]
    store(database_url, [(f"read-{n}", text, None, RECEIVED, source) for n, (source, text) in enumerate(read)])
    transformer.run()
    assert differences(database_url) == []


def test_marts_agree_on_what_was_read(database_url: str, transformer: Transformer) -> None:
    """Whatever webhooks and crawls tell of an incident, in any slices, both readings come to the same."""
    rows = [row for seed in (31, 32, 33) for row in read_histories(seed=seed, incidents=250)]
    half = len(rows) // 2
    for part in (rows[:half], rows[half:-40], rows[-40:]):
        store(database_url, part)
        transformer.run()
        execute(database_url, "DELETE FROM outbox")
    assert differences(database_url) == []
    live = folded(database_url).values()
    assert any(episode.started_by == "unseen" for incident in live for episode in incident.episodes)
    assert len({incident.sources for incident in live}) > 10


def differences(database_url: str) -> list[tuple[str, str, Any, Any]]:
    """What the marts have otherwise than the live fold."""
    live = folded(database_url)
    rows = {row["incident_id"]: row for row in fetch(database_url, "SELECT * FROM warehouse.fct_incidents")}
    assert rows.keys() == live.keys()
    return [
        (key, column, value, rows[key][column])
        for key, incident in live.items()
        for column, value in as_columns(incident).items()
        if not _is_same(value, rows[key][column])
    ]


def _is_same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=1e-6)
    return one == other
