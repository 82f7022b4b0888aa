"""What the roles work with keeps its secrets to itself."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from em_agent.app import _endpoint
from em_agent.embedded.endpoints import planned
from em_agent.integrations.registry import SOURCES
from em_agent.kit.sessions import Sessions
from em_agent.services import ConnectorServices, GatewayServices, pagerduty_account, slack_access, source_rules
from em_agent.settings import load_settings

SECRET = "hush"
ENVIRONMENT = {
    "DATABASE_URL": f"postgresql://user:{SECRET}@host/db",
    "NATS_URL": f"nats://user:{SECRET}@host",
    "EM_AGENT_API_KEYS": SECRET,
    "PAGERDUTY_WEBHOOK_SECRET": SECRET,
    "PAGERDUTY_API_TOKEN": SECRET,
    "EMBEDDINGS_API_KEY": SECRET,
    "LLM_API_KEY": SECRET,
    "SLACK_SIGNING_SECRET": SECRET,
    "SLACK_BOT_TOKEN": SECRET,
    "SLACK_APP_TOKEN": SECRET,
}


def test_no_secret_is_shown() -> None:
    """Neither the settings nor what is opened from them shows a secret where it is printed or logged."""
    settings = load_settings(ENVIRONMENT, dotenv=Path("there-is-none"))
    keys, zone, none = settings.api_key_values, ZoneInfo("UTC"), dict.fromkeys(("pool", "nats"))
    database_url, nats_url = str(settings.database_url), str(settings.nats_url)
    rules = {name: source_rules(settings, source) for name, source in SOURCES.items()}
    gateway: dict[str, Any] = dict.fromkeys(("recorder", "search", "model", "slack_pool", "has_slack"))
    things = [
        settings,
        planned(settings, database_url, nats_url),
        *(_endpoint(rule, Sessions(keys)) for rule in rules.values()),
        ConnectorServices(
            **none,  # type: ignore[arg-type]
            api_keys=keys,
            timezone=zone,
            database_url=database_url,
            pagerduty=pagerduty_account(settings),
            crawl_seconds=1,
            retention_days=None,
        ),
        GatewayServices(
            **none,  # type: ignore[arg-type]
            **gateway,
            api_keys=keys,
            timezone=zone,
            rules=rules,
            slack=slack_access(settings),
        ),
    ]
    for thing in things:
        assert SECRET not in repr(thing), type(thing).__name__
