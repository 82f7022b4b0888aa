"""The demo's truth against what the product's own reading of the deliveries makes of them."""

from collections import defaultdict
from datetime import timedelta

import pytest

from em_agent.demo.plan import USUAL, Mishaps, Plan
from em_agent.demo.year import Year
from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.fold import fold
from em_agent.domain.incidents import Incident, IncidentEvent
from em_agent.integrations.pagerduty.events import to_incident_event
from em_agent.integrations.pagerduty.webhook import SOURCE
from em_agent.kit import json


def _fold_all(plan: Plan, year: Year) -> dict[str, Incident]:
    """Every incident as folded from the accepted deliveries in the order of their arrival."""
    events: dict[str, list[IncidentEvent]] = defaultdict(list)
    for number, delivery in enumerate(plan.deliveries(), start=1):
        if delivery.word != "ok":
            continue
        document = json.loads(delivery.body)
        stored = StoredEvent(
            id=number,
            source=SOURCE.name,
            event_type=SOURCE.event_type(document),
            delivery_id=SOURCE.delivery_id(document) or str(number),
            occurred_at=SOURCE.occurred_at(document),
            received_at=year.end + timedelta(seconds=number),
        )
        event = to_incident_event(stored, document)
        if event is not None:
            events[event.incident_id].append(event)
    return {incident_id: fold(told) for incident_id, told in events.items()}


@pytest.mark.parametrize(
    "mishaps",
    [
        USUAL,
        Mishaps(overlap=0.5, retries=0.1, disorder=None, lost_triggers=0.1, forged=0.1, guide=0.3, strange=True),
    ],
    ids=["usual", "everything"],
)
def test_the_product_finds_the_truth(year: Year, mishaps: Mishaps) -> None:
    """Repetition, disorder, losses, forgeries, older shapes and odd bodies change no incident's times or turns."""
    plan = Plan(year, ["new", "old"], mishaps)
    incidents = _fold_all(plan, year)
    assert set(incidents) == {truth.incident.id for truth in plan.truths}
    for truth in plan.truths:
        found = incidents[truth.incident.id]
        assert found.triggered_at == truth.triggered_at
        assert found.acknowledged_at == truth.acknowledged_at
        assert found.resolved_at == truth.resolved_at
        assert found.time_to_resolve_seconds == truth.time_to_resolve_seconds
        assert found.active_seconds == pytest.approx(truth.active_seconds)
        assert found.reopen_count == truth.reopen_count
        assert (found.escalation_count > 0) == truth.is_escalated
        assert (found.is_merged, found.is_auto_resolved) == (truth.is_merged, truth.is_auto_resolved)
        snapshot = found.snapshot
        assert snapshot.number == truth.number
        assert snapshot.urgency == truth.urgency
        assert snapshot.service is not None
        assert snapshot.service.name == truth.service.name
        assert (snapshot.priority and snapshot.priority.name) == (truth.priority and truth.priority.name)
        assert [team.name for team in snapshot.teams or ()] == [team.name for team in truth.service.teams]
