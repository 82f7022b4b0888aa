"""Slack's routes in the words of OpenAPI: they are served outside the web framework that writes the rest."""

from typing import Any

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_MEANINGS = {
    "400": "Signed, but not what Slack sends here.",
    "401": "The signature is missing, wrong, or more than five minutes old.",
    "404": "SLACK_SIGNING_SECRET is not set.",
    "405": "Only POST.",
    "408": "The body did not arrive in time.",
    "413": "The body is over 1 MiB.",
    "503": "The request could not be written down; see Retry-After.",
}
_ROUTES = {
    "/slack/commands": ("Take a slash command", "take_slack_command", "application/x-www-form-urlencoded"),
    "/slack/interactions": ("Take a click", "take_slack_interaction", "application/x-www-form-urlencoded"),
    "/slack/events": ("Take an event, or the question for the address", "take_slack_event", "application/json"),
}


def describe_slack() -> dict[str, Any]:
    """The OpenAPI path items of Slack's routes."""
    responses: dict[str, Any] = {"200": {"description": "Written down, and acknowledged; or the challenge's own text."}}
    for status, meaning in _MEANINGS.items():
        responses[status] = {"description": meaning, "content": {"application/json": {"schema": _PROBLEM}}}
    return {
        path: {
            "post": {
                "tags": ["slack"],
                "summary": summary,
                "operationId": name,
                "requestBody": {"required": True, "content": {media: {"schema": {"type": "object"}}}},
                "responses": responses,
            }
        }
        for path, (summary, name, media) in _ROUTES.items()
    }
