"""What the routes work with, given by the composition root."""

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from nats.aio.client import Client

from em_agent.kit.postgres import Pool
from em_agent.search.query import Search


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The connections and settings behind a service's routes."""

    pool: Pool
    nats: Client
    timezone: ZoneInfo
    has_slack: bool = False


@dataclass(frozen=True, kw_only=True)
class GatewayBackend(Backend):
    """What the gateway's routes have besides."""

    search: Search


def _of(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


def _of_gateway(request: Request) -> GatewayBackend:
    backend: GatewayBackend = request.app.state.backend
    return backend


UseBackend = Annotated[Backend, Depends(_of)]
UseGatewayBackend = Annotated[GatewayBackend, Depends(_of_gateway)]
