"""Deliveries of any source as its vendor sends them: headers, signatures, and a body that was sent just now."""

import hashlib
import hmac
import re
import time
import uuid

from em_agent.integrations.source import WebhookSource
from tests.payloads import event_type_of, payload_files

API_KEY = "an-api-key"

_TIMESTAMP = re.compile(rb'("webhookTimestamp": ?)\d+')


def digest(body: bytes, secret: str) -> str:
    """The HMAC-SHA256 of the body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def proof(source: WebhookSource, body: bytes, *secrets: str) -> dict[str, str]:
    """The header that proves the body: a signature by each secret, or the API key of a source that nobody signs."""
    scheme = source.signature
    if scheme is None:
        return {"Authorization": f"Bearer {API_KEY}"}
    return {scheme.header: ",".join(f"{scheme.prefix}{digest(body, secret)}" for secret in secrets)}


def named(source: WebhookSource, case: str, delivery_id: str | None = None) -> dict[str, str]:
    """The headers by which the vendor says what it sends, and under which id: a new one unless it is given."""
    event_type, name = event_type_of(case), delivery_id or str(uuid.uuid4())
    vendor = {
        "github": {"X-GitHub-Event": event_type.partition(".")[0], "X-GitHub-Delivery": name},
        "jira": {"X-Atlassian-Webhook-Identifier": name},
        "linear": {"Linear-Event": event_type.partition(".")[0], "Linear-Delivery": name},
    }
    return {"Content-Type": "application/json", **vendor.get(source.name, {})}


def body_of_case(source: WebhookSource, case: str) -> bytes:
    """The body in the payload file, sent now where it says when it was sent."""
    return sent_at(payload_files(source.name)[case].read_bytes(), time.time())


def sent_at(body: bytes, seconds: float) -> bytes:
    """The body with another time of sending, if it has one."""
    return _TIMESTAMP.sub(rb"\g<1>%d" % round(seconds * 1000), body)
