"""The ASGI applications: the gateway with webhooks and API on one port, and the connectors service."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from em_agent import __version__
from em_agent.api import ask, crawls, deployments, dora, follow_ups, health, incidents, kept, metrics, rag, telemetry
from em_agent.api.access import AccessGuard, refuse_program
from em_agent.api.backend import Backend, GatewayBackend
from em_agent.api.errors import install_error_handlers
from em_agent.api.limits import BodyLimit
from em_agent.ask.asker import Asker
from em_agent.ask.model import Model
from em_agent.connectors import routes
from em_agent.connectors.crawl import Crawler
from em_agent.connectors.rebuild import rebuild_marts
from em_agent.connectors.retention import Retention
from em_agent.connectors.schedule import Schedule
from em_agent.connectors.telemetry import count_request
from em_agent.dashboard.backend import Backend as DashboardBackend
from em_agent.dashboard.mount import Dashboard, is_page, is_private
from em_agent.gateway.direct import DirectWebhooks
from em_agent.gateway.endpoint import Endpoint
from em_agent.gateway.openapi import describe_webhooks
from em_agent.gateway.rate import RateLimit
from em_agent.gateway.webhooks import PATH_PREFIX, WebhookGateway
from em_agent.kit.direct import DirectApp
from em_agent.kit.process import cancel
from em_agent.kit.sessions import Sessions
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.incidents import IncidentMeter
from em_agent.services import ConnectorServices, GatewayServices, SourceRules
from em_agent.slack.endpoints import PATH_PREFIX as SLACK_PREFIX
from em_agent.slack.endpoints import SlackEndpoints
from em_agent.slack.intake import Intake
from em_agent.slack.openapi import describe_slack

log = structlog.get_logger()


def build_gateway(services: GatewayServices) -> ASGIApp:
    """Webhooks and Slack, which prove themselves, straight on; the API and the pages through the access guard."""
    sessions = Sessions(services.api_keys)
    endpoints = {name: _endpoint(rules, sessions) for name, rules in services.rules.items()}
    for name, rules in services.rules.items():
        if rules.source.secret_env is not None:
            telemetry.SECRETS.labels(name).set(len(rules.secrets))
    webhooks = WebhookGateway(endpoints, services.recorder, services.pool)
    backend = GatewayBackend(
        pool=services.pool,
        nats=services.nats,
        timezone=services.timezone,
        search=services.search,
        has_slack=services.has_slack,
    )
    intake = Intake(services.slack_pool) if services.slack_pool is not None else None
    slack = RequestLog(SlackEndpoints(intake, services.slack.signing_secrets))
    meter = IncidentMeter(services.pool)
    asker = build_asker(backend, meter, services.model)
    api = health.AnswerHead(build_api(backend, list(endpoints), meter, asker))
    dashboard = Dashboard(
        DashboardBackend(
            pool=services.pool,
            nats=services.nats,
            timezone=services.timezone,
            meter=meter,
            search=services.search,
            asker=asker,
            sessions=sessions,
            has_slack=services.has_slack,
        )
    )

    async def by_path(scope: Scope, receive: Receive, send: Send) -> None:
        shows = scope["type"] == "http" and is_page(scope["path"])
        await (dashboard if shows else api)(scope, receive, send)

    people = RequestLog(AccessGuard(BodyLimit(by_path), sessions, is_private))

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(PATH_PREFIX):
            await webhooks(scope, receive, send)
        else:
            await (slack if path.startswith(SLACK_PREFIX) else people)(scope, receive, send)

    return DirectApp(gateway, DirectWebhooks(webhooks, endpoints).take)


def build_connectors(services: ConnectorServices) -> ASGIApp:
    """The connectors service, behind the same access guard as the API."""
    backend = Backend(pool=services.pool, nats=services.nats, timezone=services.timezone)
    crawling = routes.router(build_crawler(services), services.timezone)
    app = _new_app(backend, [health.router, crawling, crawls.router, telemetry.router])
    limited = BodyLimit(health.AnswerHead(app), {routes.PATH: routes.LONGEST_BODY})
    return RequestLog(AccessGuard(limited, Sessions(services.api_keys)))


def build_crawler(services: ConnectorServices) -> Crawler | None:
    """The crawler of the account whose token is set; None without one."""
    account = services.pagerduty
    if account is None:
        return None
    return Crawler(services.database_url, lambda: account.open(count_request))


@asynccontextmanager
async def scheduled(services: ConnectorServices) -> AsyncIterator[None]:
    """Do by the clock meanwhile what is set: crawl, and let go what is old."""
    crawler, days, url = build_crawler(services), services.retention_days, services.database_url
    work: list[Coroutine[Any, Any, None]] = []
    if crawler is not None and services.crawl_seconds:
        work.append(Schedule(crawler, services.pool, every_seconds=services.crawl_seconds).run())
    if days is not None:
        work.append(Retention(url, days, partial(rebuild_marts, url)).run())
    tasks = [asyncio.create_task(part) for part in work]
    try:
        yield
    finally:
        await cancel(tasks)


def build_asker(backend: GatewayBackend, meter: IncidentMeter, model: Model | None = None) -> Asker:
    """What answers questions, with the backend's memory and the meter's figures."""
    return Asker(
        backend.search,
        meter,
        backend.pool,
        timezone=backend.timezone,
        embedder=backend.search.embedder,
        model=model,
    )


def build_api(backend: GatewayBackend, sources: Sequence[str], meter: IncidentMeter, asker: Asker) -> FastAPI:
    """The HTTP API with its description at `/docs`, which loads nothing from elsewhere."""
    metrics_router = metrics.router(meter, timezone=backend.timezone.key)
    app = _new_app(
        backend,
        [
            health.router,
            metrics_router,
            dora.router(DoraMeter(backend.pool), timezone=backend.timezone.key),
            ask.router(asker),
            incidents.router,
            deployments.router,
            follow_ups.router,
            rag.router,
            kept.router,
            crawls.router,
            telemetry.router,
        ],
    )
    _describe_what_others_serve(app, sources)
    return app


def _new_app(backend: Backend, routers: Sequence[APIRouter]) -> FastAPI:
    app = FastAPIOffline(
        title="EM Agent",
        version=__version__,
        summary="Incident metrics you can trust and explain, for teams that keep PagerDuty.",
    )
    app.state.backend = backend
    for router in routers:
        app.include_router(router)
    install_error_handlers(app)
    return app


def _describe_what_others_serve(app: FastAPI, sources: Sequence[str]) -> None:
    """Put the routes of webhooks and Slack, which FastAPI does not serve, into the API's description."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = describe()
            schema["paths"].update({**describe_webhooks(sources), **describe_slack()})
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _endpoint(rules: SourceRules, sessions: Sessions) -> Endpoint:
    """The source as it is served: one that nobody signs is guarded as the API is."""
    per_second = rules.rate_limit_per_second
    return Endpoint(
        source=rules.source,
        secrets=rules.secrets,
        body_limit_bytes=rules.body_limit_bytes,
        takes_unsigned=rules.takes_unsigned,
        rate_limit=RateLimit(per_second, time.monotonic) if per_second else None,
        guard=partial(refuse_program, sessions) if rules.source.signature is None else None,
    )


class RequestLog:
    """ASGI middleware that writes one line for each request."""

    def __init__(self, app: ASGIApp) -> None:
        """Log what `app` answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note its answer's status and time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info(
                "request.answered",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=milliseconds,
            )
