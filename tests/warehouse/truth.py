"""What is true of an incident by its events, worked out the long way; it shares nothing with the product."""

import itertools
import re
from datetime import datetime
from typing import Any

from tests.warehouse.histories import Told


def truth(events: list[Told]) -> dict[str, Any]:
    """The columns of `fct_incidents` that follow from the definitions."""
    ordered = sorted(events, key=lambda event: event.order)
    snapshots = [event.data for event in ordered if event.is_snapshot]
    triggers = [event.at for event in ordered if event.kind == "triggered"]
    created = [at for at in map(_time, (snapshot.get("created_at") for snapshot in snapshots)) if at]
    triggered_at = min(triggers) if triggers else min(created) if created else None
    acknowledged = [event.at for event in ordered if event.kind == "acknowledged"]
    spans, resolution, reopenings = _life(ordered, triggered_at)
    to_acknowledge = _seconds(triggered_at, acknowledged[0] if acknowledged else None)
    to_resolve = _seconds(triggered_at, resolution.at if resolution else None)
    active = sum(spans) if resolution and triggered_at and spans else None
    is_merged = bool(resolution) and _reason(resolution) == "merge_resolve_reason"
    is_negative = bool(resolution) and any(span < 0 for span in spans)
    return {
        "triggered_at": triggered_at,
        "acknowledged_at": acknowledged[0] if acknowledged else None,
        "resolved_at": resolution.at if resolution else None,
        "time_to_acknowledge_seconds": _unless_negative(to_acknowledge),
        "time_to_resolve_seconds": _unless_negative(to_resolve),
        "active_seconds": None if is_negative else active,
        "reopen_count": reopenings,
        "escalation_count": len([1 for event in ordered if event.kind == "escalated"]),
        "is_handed_over": any(event.kind in {"delegated", "reassigned"} for event in ordered),
        "is_merged": is_merged,
        "is_auto_resolved": bool(resolution)
        and not is_merged
        and (resolution.agent or {}).get("type") != "user_reference",
        "is_impossible": (to_acknowledge or 0) < 0 or (to_resolve or 0) < 0 or is_negative,
        "is_incomplete": triggered_at is None,
        "is_clock_suspect": any(event.is_clock_suspect for event in ordered),
        "is_priority_raised": _is_raised(snapshots),
        "event_count": len(ordered),
        **_described(snapshots),
    }


def _life(ordered: list[Told], triggered_at: datetime | None) -> tuple[list[float], Any, int]:
    """Lengths of the closed episodes, the last resolution if it still holds, and the number of reopenings."""
    spans: list[float] = []
    started: datetime | None = triggered_at
    is_open, is_implied, reopenings = True, False, 0
    resolution = None
    for event in ordered:
        if event.kind == "resolved":
            if is_open and started is not None:
                spans.append((event.at - started).total_seconds())
            is_open, resolution = False, event
        elif event.kind == "reopened" and is_open:
            reopenings += 0 if is_implied else 1
            is_implied = False
        elif event.kind in {"reopened", "acknowledged", "escalated"} and not is_open:
            is_open, resolution, started = True, None, event.at
            is_implied = event.kind != "reopened"
            reopenings += 1
    return spans, resolution, reopenings


def _described(snapshots: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "service_id": None, "service_name": None, "urgency": None, "priority_id": None, "priority_name": None,
        "team_ids": [], "title": None, "number": None,
    }  # fmt: skip
    for snapshot in snapshots:
        service = snapshot.get("service")
        if isinstance(service, dict) and isinstance(service.get("id"), str):
            found["service_id"] = service["id"]
            found["service_name"] = service.get("summary") or service.get("name")
        if snapshot.get("urgency") in {"high", "low"}:
            found["urgency"] = snapshot["urgency"]
        if _states_priority(snapshot):
            priority = snapshot["priority"] or {}
            found["priority_id"] = priority.get("id")
            found["priority_name"] = priority.get("summary") or priority.get("name")
        if isinstance(snapshot.get("teams"), list):
            found["team_ids"] = [team["id"] for team in snapshot["teams"] if isinstance(team, dict)]
        found["title"] = snapshot["title"]
        found["number"] = snapshot.get("number") or snapshot.get("incident_number")
    return found


def _states_priority(snapshot: dict[str, Any]) -> bool:
    if "priority" not in snapshot:
        return False
    priority = snapshot["priority"]
    return priority is None or (isinstance(priority, dict) and isinstance(priority.get("id"), str))


def _is_raised(snapshots: list[dict[str, Any]]) -> bool:
    stated = [snapshot["priority"] for snapshot in snapshots if _states_priority(snapshot)]
    ranks = [_severity(priority) for priority in stated]
    return any(
        before is not None and after is not None and after < before for before, after in itertools.pairwise(ranks)
    )


def _severity(priority: dict[str, Any] | None) -> int | None:
    name = (priority or {}).get("summary") or (priority or {}).get("name") or ""
    digits = re.search(r"\d+", name)
    return int(digits.group()) if digits else None


def _reason(event: Told) -> str | None:
    reason = event.data.get("resolve_reason")
    return reason["type"] if reason else None


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _unless_negative(seconds: float | None) -> float | None:
    return None if seconds is None or seconds < 0 else seconds
