"""Jira Cloud's webhooks: https://developer.atlassian.com/cloud/jira/platform/webhooks/.

    X-Atlassian-Webhook-Identifier: 4c1e0d2b-...
    {"timestamp": 1772442000210, "webhookEvent": "jira:issue_updated", "user": {...}, "issue": {...},
     "changelog": {...}}

Signed with `X-Hub-Signature: sha256=<hex>` where the webhook has a secret. The header may name another method by its
standard (WebSub); none but SHA-256 proves anything here. A retry has the identifier of the first try.
"""

from em_agent.integrations.readers import (
    LONGEST_DELIVERY_ID,
    LONGEST_EVENT_TYPE,
    first_of,
    header,
    milliseconds_at,
    text_at,
    time_at,
)
from em_agent.integrations.source import HmacSha256, WebhookSource

EVENT_TYPES = frozenset(
    {
        *(f"jira:issue_{action}" for action in ("created", "updated", "deleted")),
        *(f"comment_{action}" for action in ("created", "updated", "deleted")),
    }
)

SOURCE = WebhookSource(
    name="jira",
    secret_env="JIRA_WEBHOOK_SECRET",  # noqa: S106 - the name of a variable
    signature=HmacSha256("x-hub-signature", prefix="sha256="),
    delivery_id=header("x-atlassian-webhook-identifier", longest=LONGEST_DELIVERY_ID),
    event_type=text_at("webhookEvent", longest=LONGEST_EVENT_TYPE),
    # Milliseconds are what Jira sends; Atlassian's own example has a text such as 2009-09-09T00:08:36.796-0500.
    occurred_at=first_of(milliseconds_at("timestamp"), time_at("timestamp")),
    event_types=EVENT_TYPES,
    kept_headers=("content-type", "user-agent", "x-atlassian-webhook-retry", "x-atlassian-webhook-flow"),
)
