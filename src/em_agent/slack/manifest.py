"""The manifest that makes the app in a workspace: https://docs.slack.dev/reference/app-manifest."""

from importlib.resources import files
from typing import Any

from em_agent.kit import json

_EXAMPLE = "https://em-agent.example.com"
# What the app cannot do without, and what it does more with.
REQUIRED_SCOPES = frozenset({"app_mentions:read", "chat:write", "commands", "im:history"})


def manifest(url: str | None = None) -> dict[str, Any]:
    """The manifest for an installation that Slack reaches at `url`; without one, for Socket Mode."""
    text = (files("em_agent.slack") / "manifest.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text.replace(_EXAMPLE, (url or _EXAMPLE).rstrip("/")))
    if url is None:
        document["settings"]["socket_mode_enabled"] = True
        del document["settings"]["event_subscriptions"]["request_url"]
        del document["settings"]["interactivity"]["request_url"]
        for command in document["features"]["slash_commands"]:
            del command["url"]
    return document
