"""Runs gateways, relays and workers inside the test's own event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from em_agent.app import build_gateway
from em_agent.domain.consumers import INCIDENTS, STREAM, WAREHOUSE
from em_agent.integrations.registry import RECORDED_SOURCES
from em_agent.kit.http import server_of
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool
from em_agent.kit.process import cancel
from em_agent.relay.relay import Relay
from em_agent.services import open_gateway
from em_agent.settings import load_settings
from em_agent.workers.consume import Consumer, Worker
from em_agent.workers.incidents import incidents_consumer
from tests.deliveries import SECRET, signed

NO_NATS = "nats://127.0.0.1:1"


@dataclass(frozen=True)
class Gateway:
    """A gateway that serves, and a client of it."""

    url: str
    client: httpx2.AsyncClient

    async def post(
        self, body: bytes, headers: dict[str, str] | None = None, source: str = "pagerduty"
    ) -> httpx2.Response:
        """Deliver the body, signed unless the headers are given."""
        return await self.client.post(
            f"/webhooks/{source}", content=body, headers=signed(body) if headers is None else headers
        )

    async def store(self, *bodies: bytes) -> list[int]:
        """The ids of the deliveries, all of which have to be new."""
        ids = []
        for body in bodies:
            answer = await self.post(body)
            assert answer.json() == {"status": "ok", "id": answer.json().get("id")}, answer.text
            ids.append(answer.json()["id"])
        return ids


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """The address at which the application is served."""
    server = server_of(app)
    serving_task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving_task


@asynccontextmanager
async def gateway_on(database_url: str, nats_url: str = NO_NATS, **environment: str) -> AsyncIterator[Gateway]:
    """A gateway with these settings; its secret is `SECRET` unless another is given."""
    settings = load_settings(
        {"DATABASE_URL": database_url, "NATS_URL": nats_url, "PAGERDUTY_WEBHOOK_SECRET": SECRET, **environment}
    )
    async with open_gateway(settings) as services, serving(build_gateway(services)) as url:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=url, timeout=15, limits=limits, trust_env=False) as client:
            yield Gateway(url, client)


@asynccontextmanager
async def running(*work: Any) -> AsyncIterator[None]:
    """Have the work done in the background; an error of it is an error of the test."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        await cancel(tasks)
        for task in failed:
            task.result()


@asynccontextmanager
async def relay_on(database_url: str, nats_url: str, sources: Sequence[str] = RECORDED_SOURCES) -> AsyncIterator[Relay]:
    """A relay at work."""
    async with open_client(nats_url, name="relay") as client:
        relay = Relay(database_url, client, sources=list(sources), replicas=1)
        async with running(relay.run()):
            yield relay


@asynccontextmanager
async def worker_on(pool: Pool, nats_url: str, consumer: Consumer | None = None) -> AsyncIterator[Worker]:
    """A worker of the incidents, or of another consumer."""
    async with open_client(nats_url, name="worker") as client:
        worker = Worker(client, consumer or incidents_consumer(pool, client, replicas=1), replicas=1)
        async with running(worker.run()):
            yield worker


class StandIn:
    """A durable consumer that acknowledges by hand, in place of one of ours."""

    def __init__(self, client: Client, name: str = WAREHOUSE) -> None:
        self.js: JetStreamContext = client.jetstream(timeout=5)
        self.name = name

    async def make(self) -> "StandIn":
        """Make the consumer on the stream, which has to be there."""
        config = ConsumerConfig(
            durable_name=self.name,
            filter_subject="events.>",
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=2,
            max_ack_pending=-1,
        )
        await self.js.add_consumer(STREAM, config)
        return self

    async def finish_all(self) -> int:
        """Acknowledge everything that waits; the count of it."""
        subscription = await self.js.pull_subscribe_bind(durable=self.name, stream=STREAM)
        finished = 0
        try:
            while (await subscription.consumer_info()).num_pending:
                for message in await subscription.fetch(500, timeout=2):
                    await message.ack_sync(timeout=5)
                    finished += 1
        finally:
            await subscription.unsubscribe()
        return finished

    async def run(self) -> None:
        """Acknowledge whatever comes until cancelled; make stream's consumer again when it is lost."""
        while True:
            with contextlib.suppress(Exception):
                await self.make()
                while True:
                    await self.finish_all()
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.1)


__all__ = ["INCIDENTS", "Gateway", "StandIn", "gateway_on", "relay_on", "running", "serving", "worker_on"]
