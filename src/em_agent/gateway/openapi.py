"""The webhook route in the words of OpenAPI: it is served outside the web framework that writes the rest."""

from collections.abc import Sequence
from typing import Any

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_MEANINGS = {
    "400": "The body is no JSON object that can be read, and the source has no secret.",
    "401": "The signature is missing, malformed or wrong.",
    "403": "The source has no secret, and this address is reached by other machines.",
    "404": "There is no such source.",
    "413": "The body is over the source's limit.",
    "429": "Over the source's rate limit; see Retry-After.",
    "503": "The event store does not answer; see Retry-After.",
}


def describe_webhooks(sources: Sequence[str]) -> dict[str, Any]:
    """The OpenAPI path item of `POST /webhooks/{source}`."""
    answer = {
        "type": "object",
        "required": ["status", "id"],
        "properties": {
            "status": {"type": "string", "enum": ["ok", "duplicate", "quarantined"]},
            "id": {"type": "integer", "description": "Row of events_raw, or of quarantine."},
        },
    }
    responses: dict[str, Any] = {
        "200": {"description": "Stored.", "content": {"application/json": {"schema": answer}}},
    }
    for status, meaning in _MEANINGS.items():
        responses[status] = {"description": meaning, "content": {"application/json": {"schema": _PROBLEM}}}
    operation = {
        "tags": ["webhooks"],
        "summary": "Receive a signed webhook",
        "operationId": "receive_webhook",
        "parameters": [
            {"name": "source", "in": "path", "required": True, "schema": {"type": "string", "enum": list(sources)}}
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": responses,
    }
    return {"/webhooks/{source}": {"post": operation}}
