"""The usual delivery's short way: read and queued in one go, answered when its batch is committed.

What is odd about a delivery, whatever it is, makes it take the long way from its beginning: `WebhookGateway` judges it.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from em_agent.domain.deliveries import Delivery, Receipt
from em_agent.errors import RetriableError
from em_agent.events.record import UnreadableError
from em_agent.gateway.endpoint import Endpoint
from em_agent.gateway.http import Reply, joined
from em_agent.gateway.reading import Arrival, read_plain
from em_agent.gateway.telemetry import STORE_SECONDS, AnswerLog
from em_agent.gateway.webhooks import PATH_PREFIX, WebhookGateway, receipt_reply, unavailable
from em_agent.kit.direct import Answer, Headers


@dataclass(slots=True)
class _Taken:
    """A delivery that was queued, and what it takes to answer it."""

    endpoint: Endpoint
    arrival: Arrival
    delivery: Delivery
    answer: Answer
    begun_at: float
    queued_at: float = 0.0


class DirectWebhooks:
    """Takes deliveries of sources that are signed, sent as plain JSON, and not limited in their rate."""

    def __init__(self, gateway: WebhookGateway, endpoints: Mapping[str, Endpoint]) -> None:
        """Take those for which nothing but the commit has to be waited for."""
        self._gateway = gateway
        self._endpoints = {
            f"{PATH_PREFIX}{name}".encode(): endpoint
            for name, endpoint in endpoints.items()
            if endpoint.secrets and endpoint.rate_limit is None and endpoint.source.form_field is None
        }
        self._answers = AnswerLog()
        self._asides: set[asyncio.Task[None]] = set()

    def take(self, url: bytes, headers: Headers, body: bytes, answer: Answer) -> bool:
        """Whether the delivery is queued; it is answered once it is stored."""
        begun_at = time.perf_counter()
        endpoint = self._endpoints.get(url)
        if endpoint is None or len(body) > endpoint.body_limit_bytes:
            return False
        by_name = joined(headers)
        signature = endpoint.signature_of(by_name)
        if endpoint.refuse(signature, body) is not None:
            return False
        document = read_plain(body)
        if document is None:
            return False
        arrival = Arrival(endpoint.source, by_name, signature, body, body)
        delivery = self._gateway.read(endpoint, arrival, document)
        if isinstance(delivery, Reply):
            return False
        taken = _Taken(endpoint, arrival, delivery, answer, begun_at, time.perf_counter())
        try:
            receipt = self._gateway.recorder.submit(delivery)
        except RetriableError:
            return False
        receipt.add_done_callback(lambda receipt: self._conclude(taken, receipt))
        return True

    def _conclude(self, taken: _Taken, receipt: asyncio.Future[Receipt]) -> None:
        try:
            reply = receipt_reply(receipt.result())
            STORE_SECONDS.observe(time.perf_counter() - taken.queued_at)
        except RetriableError as failure:
            reply = unavailable(failure)
        except UnreadableError as reason:
            aside = asyncio.create_task(self._set_aside(taken, reason))
            self._asides.add(aside)
            aside.add_done_callback(self._asides.discard)
            return
        self._send(taken, reply)

    async def _set_aside(self, taken: _Taken, reason: UnreadableError) -> None:
        try:
            reply = await self._gateway.set_aside(taken.endpoint, taken.arrival, reason)
        except RetriableError as failure:
            reply = unavailable(failure)
        self._send(taken, reply)

    def _send(self, taken: _Taken, reply: Reply) -> None:
        taken.answer(reply.status, reply.body, reply.headers)
        source, event_type = taken.endpoint.source, taken.delivery.event_type
        named = event_type if event_type in source.event_types else None
        seconds = time.perf_counter() - taken.begun_at
        self._answers.tell(source.name, named or "other", taken.delivery.delivery_id, reply, seconds)
