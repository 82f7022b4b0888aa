"""Whether the process lives, may take deliveries, and whether everything behind it works."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from em_agent.api.backend import Backend, UseBackend
from em_agent.domain.consumers import SLACK, STREAM, WORKERS
from em_agent.kit import nats as kit_nats
from em_agent.kit import postgres
from em_agent.kit.presence import present

router = APIRouter(tags=["health"])

CHECK_SECONDS = 1.5
PROBED = frozenset({"/healthz", "/readyz", "/readyz/ingest", "/metrics"})
ROLES = ("relay", *(f"worker {name}" for name in WORKERS))

Word = Literal["ok", "failing"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether all is well, and each part that was looked at: `ok`, or what is wrong with it."""

    status: Word
    checks: dict[str, str]


@router.get("/healthz")
async def healthz() -> Alive:
    """The process is alive; nothing behind it is looked at."""
    return Alive()


@router.get("/readyz/ingest", responses={503: {"model": Readiness}})
async def readyz_ingest(backend: UseBackend, response: Response) -> Readiness:
    """Whether deliveries can be stored: what a load balancer asks."""
    return _verdict(await _check_postgres(backend), response)


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(backend: UseBackend, response: Response) -> Readiness:
    """Whether deliveries can be stored and turned into metrics."""
    checks = await _check_postgres(backend)
    return _verdict(checks | await _check_nats(backend), response)


class AnswerHead:
    """ASGI middleware that answers HEAD on the routes that probes ask as it does GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        """Answer what `app` does."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as a GET if it is such a HEAD."""

        async def send_empty(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["type"] == "http" and scope["method"] == "HEAD" and scope["path"] in PROBED:
            await self._app({**scope, "method": "GET"}, receive, send_empty)
        else:
            await self._app(scope, receive, send)


def _verdict(checks: dict[str, str], response: Response) -> Readiness:
    is_ready = all(word == "ok" for word in checks.values())
    response.status_code = 200 if is_ready else 503
    return Readiness(status="ok" if is_ready else "failing", checks=checks)


async def _check_postgres(backend: Backend) -> dict[str, str]:
    try:
        async with backend.pool.acquire(timeout=CHECK_SECONDS) as connection, asyncio.timeout(CHECK_SECONDS):
            is_migrated = await postgres.has_migrations(connection)
    except postgres.UNREACHABLE as error:
        return {"postgres": f"does not answer: {type(error).__name__}"}
    return {"postgres": "ok", "migrations": "ok" if is_migrated else "missing: run em-agent migrate"}


async def _check_nats(backend: Backend) -> dict[str, str]:
    """NATS, and by roll call over it the roles that serve no port of their own."""
    if not backend.nats.is_connected:
        return {"nats": "not connected"}
    roles = (*ROLES, f"worker {SLACK}") if backend.has_slack else ROLES
    try:
        await kit_nats.jetstream(backend.nats).stream_info(STREAM)
        names = await present(backend.nats, roles, timeout_seconds=CHECK_SECONDS)
    except kit_nats.UNREACHABLE as error:
        return {"nats": f"stream {STREAM} does not answer: {type(error).__name__}"}
    return {"nats": "ok", **{role: "ok" if role in names else "not running" for role in roles}}
