"""The composition root: opens and closes what the roles work with, from the settings."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from nats.aio.client import Client

from em_agent.errors import ConfigurationError
from em_agent.events.record import Recorder
from em_agent.integrations.pagerduty.api import PATIENCE_SECONDS, PagerDutyApi
from em_agent.integrations.registry import SOURCES
from em_agent.integrations.source import WebhookSource
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool, open_pool
from em_agent.models import open_embedder, open_model
from em_agent.search.query import Search
from em_agent.settings import Settings

if TYPE_CHECKING:  # it reads questions and answers, which few roles do
    from em_agent.ask.model import Model

POOL_SIZE = 6
WORKER_POOL_SIZE = 2
SLACK_POOL_SIZE = 3

log = structlog.get_logger()


@dataclass(frozen=True)
class SourceRules:
    """What the installation sets for one source of webhooks."""

    source: WebhookSource
    secrets: Sequence[bytes] = field(repr=False)
    body_limit_bytes: int
    takes_unsigned: bool
    rate_limit_per_second: float | None


@dataclass(frozen=True)
class Connections:
    """What every role has."""

    pool: Pool
    nats: Client


@dataclass(frozen=True)
class PagerDutyAccount:
    """Where PagerDuty's REST API is, and what opens it."""

    url: str
    token: str = field(repr=False)

    def open(
        self, observe: Callable[[str], None] = lambda _: None, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> PagerDutyApi:
        """A client of the account."""
        return PagerDutyApi(self.url, self.token, observe=observe, patience_seconds=patience_seconds)


@dataclass(frozen=True, kw_only=True)
class ConnectorServices(Connections):
    """What the connectors service works with."""

    api_keys: Sequence[str] = field(repr=False)
    timezone: ZoneInfo
    database_url: str = field(repr=False)
    pagerduty: PagerDutyAccount | None
    crawl_seconds: float
    retention_days: int | None


@dataclass(frozen=True)
class SlackAccess:
    """What Slack knows us by, and we it."""

    signing_secrets: Sequence[str] = field(repr=False)
    bot_token: str | None = field(repr=False)
    app_token: str | None = field(repr=False)
    api_url: str


@dataclass(frozen=True, kw_only=True)
class GatewayServices(Connections):
    """What the gateway works with; without Slack's signing secret nothing is taken of it."""

    api_keys: Sequence[str] = field(repr=False)
    timezone: ZoneInfo

    recorder: Recorder
    search: Search
    model: "Model | None"
    rules: Mapping[str, SourceRules]
    slack: SlackAccess
    slack_pool: Pool | None
    has_slack: bool


def required_urls(settings: Settings) -> tuple[str, str]:
    """The database's and NATS's URL.

    Raises:
        ConfigurationError: one is not set.

    """
    if settings.database_url is None:
        message = "DATABASE_URL is not set: a role alone needs it (em-agent up brings its own PostgreSQL)."
        raise ConfigurationError(message)
    if settings.nats_url is None:
        message = "NATS_URL is not set: a role alone needs it (em-agent up brings its own NATS)."
        raise ConfigurationError(message)
    return settings.database_url, settings.nats_url


@asynccontextmanager
async def open_connections(
    settings: Settings, role: str, *, pool_size: int = POOL_SIZE, waits_for_nats: bool = True
) -> AsyncIterator[Connections]:
    """The role's pool and NATS client, closed on exit.

    Raises:
        ConfigurationError: DATABASE_URL or NATS_URL is not set.

    """
    database_url, nats_url = required_urls(settings)
    async with (
        open_pool(database_url, name=f"em-agent {role}", size=pool_size) as pool,
        open_client(nats_url, name=f"em-agent {role}", wait=waits_for_nats) as nats,
    ):
        yield Connections(pool, nats)


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[GatewayServices]:
    """The gateway's services; it takes deliveries whether or not NATS is there.

    Raises:
        ConfigurationError: DATABASE_URL or NATS_URL is not set.

    """
    database_url, _ = required_urls(settings)
    async with (
        open_connections(settings, "gateway", waits_for_nats=False) as connections,
        Recorder(database_url, queue_limit=settings.queue_limit) as recorder,
        open_embedder(settings) as embedder,
        open_model(settings) as model,
        _open_slack_pool(settings, database_url) as slack_pool,
    ):
        yield GatewayServices(
            pool=connections.pool,
            nats=connections.nats,
            recorder=recorder,
            search=Search(connections.pool, embedder),
            model=model,
            rules=all_source_rules(settings),
            api_keys=settings.api_key_values,
            timezone=ZoneInfo(settings.timezone),
            slack=slack_access(settings),
            slack_pool=slack_pool,
            has_slack=settings.has_slack,
        )


@asynccontextmanager
async def _open_slack_pool(settings: Settings, database_url: str) -> AsyncIterator[Pool | None]:
    """Connections of its own for what Slack asks, which has three seconds and must not wait behind the API."""
    if not settings.slack_signing_secret:
        yield None
        return
    async with open_pool(database_url, name="em-agent gateway slack", size=SLACK_POOL_SIZE, command_seconds=3) as pool:
        yield pool


@asynccontextmanager
async def open_connectors(settings: Settings) -> AsyncIterator[ConnectorServices]:
    """The services of the connectors.

    Raises:
        ConfigurationError: DATABASE_URL or NATS_URL is not set.

    """
    async with open_connections(settings, "connectors", waits_for_nats=False) as connections:
        yield ConnectorServices(
            pool=connections.pool,
            nats=connections.nats,
            api_keys=settings.api_key_values,
            timezone=ZoneInfo(settings.timezone),
            database_url=required_urls(settings)[0],
            pagerduty=pagerduty_account(settings),
            crawl_seconds=settings.crawl_minutes * 60,
            retention_days=settings.retention_days,
        )


def pagerduty_account(settings: Settings) -> PagerDutyAccount | None:
    """The account whose token the settings have; None without one."""
    token = settings.pagerduty_api_token
    return PagerDutyAccount(settings.pagerduty_api_url, token.get_secret_value()) if token is not None else None


def slack_access(settings: Settings) -> SlackAccess:
    """What is set of Slack, in clear text."""
    bot, app = settings.slack_bot_token, settings.slack_app_token
    return SlackAccess(
        signing_secrets=[secret.get_secret_value() for secret in settings.slack_signing_secret],
        bot_token=bot.get_secret_value() if bot else None,
        app_token=app.get_secret_value() if app else None,
        api_url=settings.slack_api_url,
    )


def all_source_rules(settings: Settings) -> dict[str, SourceRules]:
    """The rules of every source; one that an installation is expected to have is warned of where it lacks its secret.

    The others that lack theirs are named in one line: most installations have few of them.
    """
    rules = {name: source_rules(settings, source) for name, source in SOURCES.items()}
    bare = [rule.source for rule in rules.values() if rule.source.secret_env is not None and not rule.secrets]
    for source in bare:
        if source.is_expected:
            accepted = settings.takes_unsigned
            log.warning("source.without_secret", source=source.name, setting=source.secret_env, accepted=accepted)
    unused = [source.name for source in bare if not source.is_expected]
    if unused:
        log.info("sources.not_set_up", sources=unused)
    return rules


def source_rules(settings: Settings, source: WebhookSource) -> SourceRules:
    """The rules of one source."""
    secrets = settings.secrets(source.secret_env) if source.secret_env is not None else ()
    return SourceRules(
        source=source,
        secrets=[secret.encode() for secret in secrets],
        body_limit_bytes=settings.body_limit_bytes or source.body_limit_bytes,
        takes_unsigned=settings.takes_unsigned,
        rate_limit_per_second=settings.rate_limit_per_second,
    )
