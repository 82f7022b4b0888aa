"""Whole lives of incidents, invented first; then what webhooks and REST tell of each. The truth is the life itself."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from tests.marts import Stored

START = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = {"id": "PU1", "type": "user_reference", "summary": "Ada"}
MACHINE = {"id": "PS1", "type": "service_reference", "summary": "Monitor"}
LOG_TYPES = {
    "triggered": "trigger", "acknowledged": "acknowledge", "unacknowledged": "unacknowledge", "escalated": "escalate",
    "delegated": "delegate", "annotated": "annotate", "resolved": "resolve",
}  # fmt: skip
OPEN_KINDS = ("acknowledged", "escalated", "delegated", "annotated", "resolved", "resolved")

# Webhooks alone; some of them and the log; the log alone; the incident alone, where no log may be read.
Teller = Literal["webhooks", "both", "log", "sight"]


@dataclass
class Step:
    """Something that happened."""

    kind: str
    at: datetime
    agent: dict[str, Any] | None
    is_sent: bool
    number: int


@dataclass
class Life:
    """An incident's true life, and by whom it is told."""

    incident_id: str
    teller: Teller
    is_merged: bool
    steps: list[Step] = field(default_factory=list)

    def state(self, until: datetime | None = None) -> dict[str, Any]:
        """What REST shows of the incident after the steps so far."""
        steps = [step for step in self.steps if until is None or step.at <= until]
        status, changed, by = "triggered", self.steps[0].at, None
        for step in steps:
            now = {"acknowledged": "acknowledged", "resolved": "resolved", "annotated": status}.get(
                step.kind, "triggered"
            )
            if now != status or step.kind in {"triggered", "reopened"}:
                status, changed, by = now, step.at, step.agent
        is_resolved = status == "resolved"
        return {
            "id": self.incident_id, "incident_number": 7, "title": "Down", "status": status, "urgency": "high",
            "created_at": _text(self.steps[0].at), "last_status_change_at": _text(changed), "last_status_change_by": by,
            "resolved_at": _text(changed) if is_resolved else None, "service": {"id": "S1", "summary": "Checkout"},
            "priority": None, "teams": [], "assignments": [],
            "resolve_reason": {"type": "merge_resolve_reason"} if is_resolved and self.is_merged else None,
        }  # fmt: skip


def lives(seed: int, incidents: int) -> list[Life]:
    """Some lives, of each teller's."""
    rng = random.Random(seed)
    return [_live(rng, f"L{seed}X{n:04}") for n in range(incidents)]


def _live(rng: random.Random, incident_id: str) -> Life:
    life = Life(incident_id, rng.choice(("webhooks", "both", "both", "both", "log", "sight")), rng.random() < 0.2)
    at = START + timedelta(milliseconds=rng.randrange(60 * 86_400_000))
    is_sent = life.teller in {"webhooks", "both"}
    loss = rng.choice((0.0, 0.3, 0.9)) if life.teller == "both" else 0.0
    is_resolved = False
    for number, kind in enumerate(["triggered", *(rng.choice(OPEN_KINDS) for _ in range(rng.randrange(8)))]):
        if is_resolved and kind != "annotated":
            if rng.random() < 0.4:
                continue
            kind = "reopened"  # noqa: PLW2901
        at += timedelta(milliseconds=rng.randrange(5000, 4_000_000))
        agent = rng.choice((PERSON, MACHINE, None))
        life.steps.append(Step(kind, at, agent, is_sent and rng.random() >= loss, number))
        is_resolved = kind == "resolved" or (is_resolved and kind == "annotated")
    return life


def told(life: Life, seed: int) -> list[Stored]:
    """What is recorded of the life."""
    rng = random.Random(f"{seed} {life.incident_id}")
    rows = [_sent(life, step) for step in life.steps if step.is_sent]
    if life.teller in {"both", "log"}:
        rows += [_logged(life, step, rng) for step in life.steps if step.kind != "reopened"]
    if life.teller != "webhooks":
        ends = [life.steps[-1].at]
        if life.teller == "both" and rng.random() < 0.5:
            ends.insert(0, rng.choice(life.steps).at)
        for n, end in enumerate(ends):
            # Only the last look sees all; an earlier one may arrive as late.
            document = {"incident": life.state(end), "has_log": life.teller != "sight"}
            received = life.steps[-1].at + timedelta(days=1, seconds=n)
            rows.append((f"{life.incident_id}:{n}", json.dumps(document), None, received, "pagerduty_snapshot"))
    return rows


def _sent(life: Life, step: Step) -> Stored:
    data: dict[str, Any] = {"id": life.incident_id, "type": "incident", "service": {"id": "S1", "summary": "Checkout"}}
    if step.kind == "annotated":
        data = {"id": f"N{step.number}", "type": "incident_note", "incident": {"id": life.incident_id}, "content": "x"}
    elif step.kind == "resolved" and life.is_merged:
        data["resolve_reason"] = {"type": "merge_resolve_reason"}
    event = {"event_type": f"incident.{step.kind}", "agent": step.agent, "data": data}
    name = f"{life.incident_id}-{step.number}"
    return name, json.dumps({"event": event}), step.at, step.at + timedelta(seconds=3)


def _logged(life: Life, step: Step, rng: random.Random) -> Stored:
    skew = timedelta(milliseconds=rng.randrange(-2000, 2001)) if step.is_sent else timedelta()
    at = step.at + skew
    entry = {
        "id": f"R{step.number}", "type": f"{LOG_TYPES[step.kind]}_log_entry", "created_at": _text(at), "agent": step.agent,
        "incident": {"id": life.incident_id},
    }  # fmt: skip
    name = f"R{life.incident_id}-{step.number}"
    return name, json.dumps(entry), at, life.steps[-1].at + timedelta(days=1), "pagerduty_api"


def truth(life: Life) -> dict[str, Any]:
    """The columns of `fct_incidents` that follow from the life."""
    if not any(step.is_sent for step in life.steps) and life.teller == "webhooks":
        return {}
    sight = life.teller == "sight"
    steps = life.steps
    first = {kind: next((step for step in steps if step.kind == kind), None) for kind in LOG_TYPES}
    state = life.state()
    resolution = next((s for s in reversed(steps) if s.kind == "resolved"), None) if state["resolved_at"] else None
    trigger, acknowledgement = steps[0], None if sight else first["acknowledged"]
    is_merged = resolution is not None and life.is_merged
    return {
        "status": state["status"],
        "triggered_at": trigger.at,
        "acknowledged_at": acknowledgement.at if acknowledgement else None,
        "resolved_at": resolution.at if resolution else None,
        "time_to_resolve_seconds": (resolution.at - trigger.at).total_seconds() if resolution else None,
        "reopen_count": 0 if sight else len([step for step in steps if step.kind == "reopened"]),
        "escalation_count": 0 if sight else len([step for step in steps if step.kind == "escalated"]),
        "is_merged": is_merged,
        "is_auto_resolved": resolution is not None and not is_merged and resolution.agent is not PERSON,
        "triggered_from": _from(trigger),
        "acknowledged_from": _from(acknowledgement) if acknowledgement else None,
        "resolved_from": _from(resolution) if resolution else None,
        "is_known_to_webhooks": any(step.is_sent for step in steps),
        "is_known_to_api": life.teller != "webhooks",
    }


def _from(step: Step) -> str:
    return "webhook" if step.is_sent else "api"


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
