"""Shortcut's outgoing webhooks: https://developer.shortcut.com/api/webhook/v1.

    {"id": "595285dc-...", "changed_at": "2026-03-02T12:30:00.380Z", "primary_id": 117, "version": "v1",
     "actions": [{"id": 117, "entity_type": "story", "action": "update", "changes": {...}}, ...], "references": [...]}

Signed with `Payload-Signature: <hex>` where the webhook has a secret. One event tells of everything that changed at
once; its type is that of the primary thing. No header names the delivery: the body's `id` names the event, also where
several webhooks send it.
"""

from collections.abc import Mapping
from typing import Any

from em_agent.integrations.readers import (
    LONGEST_DELIVERY_ID,
    NO_HEADERS,
    Document,
    Headers,
    joined,
    text_at,
    time_at,
)
from em_agent.integrations.source import HmacSha256, WebhookSource

EVENT_TYPES = frozenset(
    {
        *(f"story.{action}" for action in ("create", "update", "delete")),
        *(f"epic.{action}" for action in ("create", "update", "delete")),
        "story-comment.create",
    }
)

_read_type = joined(text_at("entity_type"), text_at("action"), needed=1)


def primary_action(document: Document) -> Mapping[str, Any]:
    """What happened to the thing that `primary_id` names, else the first of what happened; empty where nothing did."""
    actions = document.get("actions")
    known = [action for action in actions if isinstance(action, dict)] if isinstance(actions, list) else []
    primary = document.get("primary_id")
    first: dict[str, Any] = known[0] if known else {}
    return next((action for action in known if primary is not None and action.get("id") == primary), first)


def _event_type(document: Document, _: Headers = NO_HEADERS, /) -> str | None:
    return _read_type(primary_action(document))


SOURCE = WebhookSource(
    name="shortcut",
    secret_env="SHORTCUT_WEBHOOK_SECRET",  # noqa: S106 - the name of a variable
    signature=HmacSha256("payload-signature"),
    delivery_id=text_at("id", longest=LONGEST_DELIVERY_ID),
    event_type=_event_type,
    occurred_at=time_at("changed_at"),
    event_types=EVENT_TYPES,
)
