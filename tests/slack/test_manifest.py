"""The manifest asks for what the app uses, and the page shows it."""

import json
from pathlib import Path
from typing import Any

import pytest

from em_agent.slack.manifest import REQUIRED_SCOPES, manifest
from tests.cli.conftest import Command, em_agent

__all__ = ["em_agent"]

ROOT = Path(__file__).parents[2]


def test_for_an_address() -> None:
    """With an address it names our three endpoints there, the command, the events and the scopes that they need."""
    document = manifest("https://em.acme.example/")
    [command] = document["features"]["slash_commands"]
    settings = document["settings"]
    urls = {command["url"], settings["event_subscriptions"]["request_url"], settings["interactivity"]["request_url"]}
    assert urls == {
        f"https://em.acme.example{path}" for path in ("/slack/commands", "/slack/interactions", "/slack/events")
    }
    assert command["command"] == "/em-agent"
    assert set(settings["event_subscriptions"]["bot_events"]) == {"app_mention", "message.im"}
    assert set(document["oauth_config"]["scopes"]["bot"]) >= REQUIRED_SCOPES
    assert not settings["socket_mode_enabled"]


def test_for_socket_mode() -> None:
    """Without an address it names none."""
    document = manifest()
    assert document["settings"]["socket_mode_enabled"]
    assert "example.com" not in json.dumps(document)


def test_within_slacks_limits() -> None:
    """Slack takes it: the lengths of names and descriptions are limited."""
    document = manifest("https://em.acme.example")
    assert len(document["display_information"]["name"]) <= 35
    assert len(document["display_information"]["description"]) <= 140
    assert len(document["features"]["bot_user"]["display_name"]) <= 80
    [command] = document["features"]["slash_commands"]
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000


def test_page_shows_it() -> None:
    """The page of the documentation has the manifest that is printed."""
    page = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    block: Any = json.loads(page.split("```json\n")[1].split("```")[0])
    assert block == manifest("https://em-agent.example.com")


@pytest.mark.parametrize("words", [(), ("--url", "https://em.acme.example")])
def test_command(em_agent: Command, words: tuple[str, ...]) -> None:
    """The command prints it."""
    done = em_agent("slack-manifest", *words)
    assert done.returncode == 0
    assert json.loads(done.stdout) == manifest(*words[1:])
    assert em_agent("slack-manifest", "--url", "http://em.acme.example").returncode == 1
