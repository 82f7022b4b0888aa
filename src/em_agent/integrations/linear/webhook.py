"""Linear's webhooks: https://linear.app/developers/webhooks.

    Linear-Delivery: 234d1a4e-b617-4388-90fe-adc3633d6b72
    {"action": "update", "type": "Issue", "createdAt": "2026-03-02T12:30:00.380Z", "data": {...}, "updatedFrom": {...},
     "url": "...", "organizationId": "...", "webhookTimestamp": 1772454601120, "webhookId": "..."}

Signed with `Linear-Signature: <hex>`; `webhookTimestamp` says in milliseconds when it was sent, anew for each try.
"""

from datetime import timedelta

from em_agent.integrations.readers import LONGEST_DELIVERY_ID, header, joined, milliseconds_at, text_at, time_at
from em_agent.integrations.source import HmacSha256, SignedTime, WebhookSource

EVENT_TYPES = frozenset(
    f"{kind}.{action}" for kind in ("Issue", "Comment", "Project") for action in ("create", "update", "remove")
)

SOURCE = WebhookSource(
    name="linear",
    secret_env="LINEAR_WEBHOOK_SECRET",  # noqa: S106 - the name of a variable
    signature=HmacSha256("linear-signature"),
    sent_at=SignedTime(milliseconds_at("webhookTimestamp"), within=timedelta(seconds=60)),
    delivery_id=header("linear-delivery", longest=LONGEST_DELIVERY_ID),
    event_type=joined(text_at("type"), text_at("action"), needed=1),
    occurred_at=time_at("createdAt"),
    event_types=EVENT_TYPES,
    kept_headers=("content-type", "user-agent", "linear-event"),
)
