"""Whether the process lives, may take deliveries, and whether everything behind it works."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from em_agent.api.backend import UseBackend
from em_agent.pipeline.readiness import OK, check_nats, check_postgres

router = APIRouter(tags=["health"])

PROBED = frozenset({"/healthz", "/readyz", "/readyz/ingest", "/metrics"})

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
    return _verdict(await check_postgres(backend.pool), response)


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(backend: UseBackend, response: Response) -> Readiness:
    """Whether deliveries can be stored and turned into metrics."""
    checks = await check_postgres(backend.pool)
    return _verdict(checks | await check_nats(backend.nats, has_slack=backend.has_slack), response)


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
    is_ready = all(word == OK for word in checks.values())
    response.status_code = 200 if is_ready else 503
    return Readiness(status="ok" if is_ready else "failing", checks=checks)
