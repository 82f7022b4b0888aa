"""Deployments as any pipeline posts them, by hand or by `em-agent deployed`.

    {"id": "d-76", "service": "checkout", "environment": "production", "sha": "c10b0a5", "repository": "a/checkout",
     "status": "success", "started_at": "2026-03-02T13:20:00Z", "finished_at": "2026-03-02T13:26:40Z", "kind": "hotfix"}

Nobody signs it: an API key proves it where there are keys. Several posts of one id are states of one deployment; the
same post twice is one delivery, since its body's hash names it. A post is made by a program that can be mended, so what
is wrong is refused instead of kept.
"""

from em_agent.integrations.deployment.body import STATUSES, check
from em_agent.integrations.readers import NO_HEADERS, Document, Headers, first_of, text_at, time_at
from em_agent.integrations.source import WebhookSource

_status = text_at("status")


def _event_type(document: Document, _: Headers = NO_HEADERS, /) -> str | None:
    status = _status(document)
    return f"deployment.{status}" if status in STATUSES else None


def _no_id(_: Document, __: Headers = NO_HEADERS, /) -> str | None:
    """No id: `id` names the deployment, not the post that tells of it."""
    return None


SOURCE = WebhookSource(
    name="deployment",
    delivery_id=_no_id,
    event_type=_event_type,
    occurred_at=first_of(time_at("finished_at"), time_at("started_at")),
    event_types=frozenset(f"deployment.{status}" for status in STATUSES),
    check=check,
)
