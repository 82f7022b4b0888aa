"""Deliveries as PagerDuty sends them: bodies, signatures, and the incidents they tell of."""

import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

SECRET = "s3cr3t+/="
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

_numbers = itertools.count(1)


def signature(body: bytes, *secrets: str) -> str:
    """The value of PagerDuty's signature header, with one part for each secret."""
    digests = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets or (SECRET,))
    return ",".join(f"v1={digest}" for digest in digests)


def signed(body: bytes, *secrets: str) -> dict[str, str]:
    """The headers of a delivery."""
    return {"Content-Type": "application/json", "X-PagerDuty-Signature": signature(body, *secrets)}


def at(seconds: float) -> str:
    """So many seconds after noon, as PagerDuty writes it."""
    moment = NOON + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def reference(identifier: str, kind: str, name: str | None = None) -> dict[str, Any]:
    """A reference to something of PagerDuty's."""
    return {
        "id": identifier,
        "type": f"{kind}_reference",
        "summary": name or identifier,
        "self": None,
        "html_url": None,
    }


def incident(identifier: str = "PINC1", **fields: Any) -> dict[str, Any]:
    """An incident as a webhook carries it."""
    return {
        "id": identifier,
        "type": "incident",
        "self": f"https://api.example.com/incidents/{identifier}",
        "html_url": f"https://acme.example.com/incidents/{identifier}",
        "number": 42,
        "status": "triggered",
        "incident_key": None,
        "created_at": "2026-03-01T12:00:00Z",
        "title": "The database is down",
        "service": reference("PSVC1", "service", "Production Database"),
        "assignees": [reference("PUSR1", "user", "Ada")],
        "escalation_policy": reference("PESC1", "escalation_policy", "Default"),
        "teams": [reference("PTEAM1", "team", "Storage")],
        "priority": reference("PPRI1", "priority", "P1"),
        "urgency": "high",
        "conference_bridge": None,
        "resolve_reason": None,
        **fields,
    }


def event(kind: str, seconds: float | None = 0.0, *, delivery_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """The envelope of an event of `incident.<kind>`; `data` is the incident unless it is given."""
    return {
        "event": {
            "id": delivery_id if delivery_id is not None else f"01TEST{next(_numbers):020d}",
            "event_type": kind
            if "." in kind and kind.split(".", maxsplit=1)[0] in {"service", "pagey"}
            else f"incident.{kind}",
            "resource_type": "incident",
            "occurred_at": None if seconds is None else at(seconds),
            "agent": reference("PUSR1", "user", "Ada"),
            "client": None,
            "data": incident(),
            **fields,
        }
    }


def body_of(document: object) -> bytes:
    """The document as a sender writes it."""
    return json.dumps(document, ensure_ascii=False).encode()


def delivery(kind: str, seconds: float | None = 0.0, **fields: Any) -> bytes:
    """The body of an event of `incident.<kind>`."""
    return body_of(event(kind, seconds, **fields))
