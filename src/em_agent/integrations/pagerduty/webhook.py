"""PagerDuty webhooks V3: https://developer.pagerduty.com/docs/webhooks-overview.

    {"event": {"id": "01CGJ5...", "event_type": "incident.triggered", "resource_type": "incident",
               "occurred_at": "2026-03-01T10:00:00.123Z", "agent": {...}, "client": null, "data": {...}}}

Signed with `X-PagerDuty-Signature: v1=<hex>[,v1=<hex>...]`, one for each active secret:
https://developer.pagerduty.com/docs/verifying-webhook-signatures.
"""

from em_agent.integrations.readers import LONGEST_DELIVERY_ID, LONGEST_EVENT_TYPE, text_at, time_at
from em_agent.integrations.source import HmacSha256, WebhookSource

EVENT_TYPES = frozenset(
    {
        "pagey.ping",
        "service.created",
        "service.updated",
        "service.deleted",
        "service.custom_field_values.updated",
        *(
            f"incident.{kind}"
            for kind in (
                "triggered", "acknowledged", "unacknowledged", "resolved", "reopened", "escalated", "reassigned",
                "delegated", "priority_updated", "service_updated", "incident_type.changed", "annotated",
                "responder.added", "responder.replied", "status_update_published", "conference_bridge.updated",
                "custom_field_values.updated", "role.assigned", "task.created", "task.updated", "task.completed",
                "action_invocation.created", "action_invocation.updated", "action_invocation.terminated",
                "workflow.started", "workflow.completed",
            )
        ),
    }
)  # fmt: skip

SOURCE = WebhookSource(
    name="pagerduty",
    secret_env="PAGERDUTY_WEBHOOK_SECRET",  # noqa: S106 - the name of a variable
    signature=HmacSha256("x-pagerduty-signature", prefix="v1=", many=True),
    # Overlapping subscriptions send one event under several webhook ids: the event's own id names the delivery.
    delivery_id=text_at("event", "id", longest=LONGEST_DELIVERY_ID),
    event_type=text_at("event", "event_type", longest=LONGEST_EVENT_TYPE),
    occurred_at=time_at("event", "occurred_at"),
    event_types=EVENT_TYPES,
    kept_headers=("content-type", "user-agent", "x-webhook-id", "x-webhook-subscription"),
    is_expected=True,
)
