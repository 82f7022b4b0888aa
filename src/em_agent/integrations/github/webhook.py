"""GitHub's webhooks: https://docs.github.com/en/webhooks/webhook-events-and-payloads.

    X-GitHub-Event: issues
    X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958
    {"action": "closed", "issue": {...}, "repository": {...}, "sender": {...}}

Signed with `X-Hub-Signature-256: sha256=<hex>`; the SHA-1 of the older header is not looked at:
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. A webhook of the content type
`application/x-www-form-urlencoded` sends the same JSON as the field `payload`.
"""

from datetime import datetime

from em_agent.integrations.readers import (
    LONGEST_DELIVERY_ID,
    LONGEST_EVENT_TYPE,
    NO_HEADERS,
    Document,
    Headers,
    first_of,
    header,
    joined,
    seconds_at,
    text_at,
    time_at,
)
from em_agent.integrations.source import MEBIBYTE, HmacSha256, WebhookSource

EVENT_TYPES = frozenset(
    {
        "ping", "push", "deployment.created", "deployment_status.created", "release.published",
        *(f"issues.{action}" for action in
          ("opened", "edited", "labeled", "closed", "reopened", "deleted", "transferred")),
        *(f"issue_comment.{action}" for action in ("created", "edited", "deleted")),
        *(f"pull_request.{action}" for action in ("opened", "synchronize", "closed")),
        *(f"workflow_run.{action}" for action in ("requested", "completed")),
    }
)  # fmt: skip

# By what the event is about, the narrowest thing first: a comment comes with its issue. Of a push alone the repository
# states its time as a number, and means the push by it.
_STATED = first_of(
    time_at("deployment_status", "created_at"),
    time_at("deployment", "created_at"),
    time_at("comment", "updated_at"),
    time_at("review", "submitted_at"),
    time_at("pull_request", "updated_at"),
    time_at("issue", "updated_at"),
    time_at("workflow_run", "updated_at"),
    time_at("release", "updated_at"),
    time_at("release", "published_at"),
    seconds_at("repository", "pushed_at"),
)


def _occurred_at(document: Document, headers: Headers = NO_HEADERS, /) -> datetime | None:
    """When it happened; of a deletion no time is stated, only that of the last change before it."""
    return None if document.get("action") == "deleted" else _STATED(document, headers)


SOURCE = WebhookSource(
    name="github",
    secret_env="GITHUB_WEBHOOK_SECRET",  # noqa: S106 - the name of a variable
    signature=HmacSha256("x-hub-signature-256", prefix="sha256="),
    # A redelivery by hand has the id of the delivery that it repeats.
    delivery_id=header("x-github-delivery", longest=LONGEST_DELIVERY_ID),
    event_type=joined(header("x-github-event", longest=LONGEST_EVENT_TYPE), text_at("action"), needed=1),
    occurred_at=_occurred_at,
    event_types=EVENT_TYPES,
    form_field="payload",
    kept_headers=(
        "content-type",
        "user-agent",
        "x-github-event",
        "x-github-hook-id",
        "x-github-hook-installation-target-id",
        "x-github-hook-installation-target-type",
        "x-github-enterprise-host",
    ),
    body_limit_bytes=25 * MEBIBYTE,
)
