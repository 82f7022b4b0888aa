"""The webhook route in the words of OpenAPI: it is served outside the web framework that writes the rest."""

from collections.abc import Sequence
from typing import Any

from em_agent.integrations.deployment.body import KINDS, OPTIONAL, REQUIRED, STATUSES

_DEPLOYMENT = "deployment"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_REFUSALS = {
    "400": "The body is no JSON object that can be read, and the source has no secret.",
    "401": "The signature is missing, malformed or wrong, or the time that the body states is past.",
    "403": "The source has no secret, and this address is reached by other machines.",
    "404": "There is no such source.",
}
_POST_REFUSALS = {
    "401": "An API key is required.",
    "403": "No key is set, and the request comes from elsewhere.",
    "422": "The body lacks something, or says it wrongly; the sentence names the field.",
}
_TROUBLES = {
    "413": "The body is over the source's limit.",
    "429": "Over the source's rate limit; see Retry-After.",
    "503": "The event store does not answer; see Retry-After.",
}

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_ID = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
_FIELDS: dict[str, dict[str, Any]] = {
    "id": _ID,
    "status": {"type": "string", "enum": list(STATUSES)},
    "started_at": _TIME,
    "finished_at": _TIME,
    "kind": {"type": "string", "enum": list(KINDS)},
    "rollback_of": _ID,
    "incident": _ID,
}


def describe_webhooks(sources: Sequence[str]) -> dict[str, Any]:
    """The OpenAPI path items of `POST /webhooks/{source}`, and of the one that pipelines post deployments to."""
    names = [name for name in sources if name != _DEPLOYMENT]
    signed: dict[str, Any] = {
        "tags": ["webhooks"],
        "summary": "Receive a signed webhook",
        "operationId": "receive_webhook",
        "parameters": [{"name": "source", "in": "path", "required": True, "schema": {"type": "string", "enum": names}}],
        **_body({"type": "object"}),
        "responses": _responses(_REFUSALS | _TROUBLES, ["ok", "duplicate", "quarantined"]),
    }
    posted: dict[str, Any] = {
        "tags": ["webhooks"],
        "summary": "Post a deployment",
        "operationId": "post_deployment",
        **_body(
            {
                "type": "object",
                "required": list(REQUIRED),
                "properties": {name: _FIELDS.get(name, _TEXT) for name in (*REQUIRED, *OPTIONAL)},
            }
        ),
        "responses": _responses(_POST_REFUSALS | _TROUBLES, ["ok", "duplicate"]),
    }
    return {"/webhooks/{source}": {"post": signed}, f"/webhooks/{_DEPLOYMENT}": {"post": posted}}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _responses(meanings: dict[str, str], words: Sequence[str]) -> dict[str, Any]:
    answer = {
        "type": "object",
        "required": ["status", "id"],
        "properties": {
            "status": {"type": "string", "enum": list(words)},
            "id": {"type": "integer", "description": "Row of events_raw, or of quarantine."},
        },
    }
    stored = {"200": {"description": "Stored.", "content": {"application/json": {"schema": answer}}}}
    return stored | {
        status: {"description": meaning, "content": {"application/json": {"schema": _PROBLEM}}}
        for status, meaning in meanings.items()
    }
