"""`POST /webhooks/{source}`: verify, record, answer.

A plain ASGI callable that stands before the web framework: a delivery costs no routing, no validation and no
middleware that it does not need. Which status means what to PagerDuty:
https://developer.pagerduty.com/docs/webhooks-behavior.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from em_agent.domain.deliveries import Delivery, Receipt
from em_agent.errors import InvalidError, RetriableError
from em_agent.events import quarantine
from em_agent.events.record import ANSWER_SECONDS, Recorder, UnreadableError
from em_agent.gateway.endpoint import Endpoint, utc_now
from em_agent.gateway.http import (
    BodyTooLargeError,
    DisconnectedError,
    Receive,
    Reply,
    Scope,
    Send,
    error,
    joined,
    read_body,
)
from em_agent.gateway.reading import Arrival, json_text, read_plain
from em_agent.gateway.room import Room
from em_agent.gateway.telemetry import STORE_SECONDS, AnswerLog
from em_agent.kit.bodies import discard_body
from em_agent.kit.postgres import Pool

PATH_PREFIX = "/webhooks/"

# Longer bodies are held one after the other, more or less: each takes several times its length while it is read.
LONG_BYTES = 1024 * 1024
ROOM_BYTES = 32 * 1024 * 1024
LONG_BODY_SECONDS = 20.0

log = structlog.get_logger()

_METHOD_NOT_ALLOWED = error(405, "Method Not Allowed", "method_not_allowed", allow="POST")
_NOT_FOUND = error(404, "There is no webhook source of this name.", "not_found")
_STALE = error(401, "The delivery was not sent just now, by what it says itself and by our clock.", "stale")


@dataclass(slots=True)
class _Request:
    """One request, and what the log line says of it."""

    source: str
    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    event_type: str = "other"
    delivery_id: str | None = None


class WebhookGateway:
    """The ASGI callable for every path below `/webhooks/`."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        recorder: Recorder,
        pool: Pool,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Record through `recorder`; `pool` serves what is odd and rare."""
        self._endpoints = endpoints
        self.recorder = recorder
        self._pool = pool
        self._now = now
        self._room = Room(ROOM_BYTES, patience_seconds=ANSWER_SECONDS)
        self._is_told: set[str] = set()
        self._answers = AnswerLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, count it, and write its line in the log."""
        started = time.perf_counter()
        request = _Request(scope["path"].removeprefix(PATH_PREFIX).rstrip("/"), scope, receive)
        try:
            reply = await self._reply(request)
        except DisconnectedError:
            log.info("webhook.disconnected", source=request.source)
            return
        await reply.send(send)
        seconds = time.perf_counter() - started
        source = request.source if request.source in self._endpoints else "other"
        self._answers.tell(source, request.event_type, request.delivery_id, reply, seconds)

    async def _reply(self, request: _Request) -> Reply:
        endpoint = self._endpoints.get(request.source)
        if endpoint is None:
            return _NOT_FOUND
        if request.scope["method"] != "POST":
            return _METHOD_NOT_ALLOWED
        request.headers = joined(request.scope["headers"])
        try:
            length = _expected_bytes(request.headers, endpoint)
            is_plain = endpoint.guard is None and length <= LONG_BYTES
            return await (self._take(endpoint, request) if is_plain else self._take_warily(endpoint, request, length))
        except BodyTooLargeError:
            detail = f"The body is over the limit of {endpoint.body_limit_bytes} bytes."
            return replace(error(413, detail, "too_large"), headers=await _drop_rest(request.receive))
        except (RetriableError, TimeoutError) as failure:
            return unavailable(failure)

    async def _take_warily(self, endpoint: Endpoint, request: _Request, length: int) -> Reply:
        """Take a long delivery, or one that is guarded: nothing is read of what cannot be a right one."""
        refusal = endpoint.refuse_unread(request.scope, request.headers)
        if refusal is not None:
            return replace(refusal, headers=(*refusal.headers, *await _drop_rest(request.receive)))
        if length <= LONG_BYTES:
            return await self._take(endpoint, request)
        async with self._room.lend(length), asyncio.timeout(LONG_BODY_SECONDS):
            return await self._take(endpoint, request)

    async def _take(self, endpoint: Endpoint, request: _Request) -> Reply:
        headers = request.headers
        body = await read_body(request.receive, headers.get(b"content-length", b""), endpoint.body_limit_bytes)
        signature = endpoint.signature_of(headers)
        refusal = endpoint.refuse(signature, body)
        if refusal is not None:
            return refusal
        text = body if endpoint.source.form_field is None else await json_text(endpoint.source, headers, body)
        arrival = Arrival(endpoint.source, headers, signature, body, text)
        document = read_plain(text)
        if document is None:
            return await _soon(self._accept_odd(endpoint, arrival, request))
        try:
            delivery = self.read(endpoint, arrival, document)
            del document  # a long one takes several times the room of its text
            return delivery if isinstance(delivery, Reply) else await self._record(endpoint, delivery, request)
        except UnreadableError as reason:
            return await _soon(self.set_aside(endpoint, arrival, reason))

    async def _accept_odd(self, endpoint: Endpoint, arrival: Arrival, request: _Request) -> Reply:
        """Have PostgreSQL judge the body."""
        try:
            document = await quarantine.read_odd_body(self._pool, arrival.text)
            delivery = self.read(endpoint, arrival, document)
            return delivery if isinstance(delivery, Reply) else await self._record(endpoint, delivery, request)
        except (InvalidError, UnreadableError) as reason:
            return await self.set_aside(endpoint, arrival, reason)

    def read(self, endpoint: Endpoint, arrival: Arrival, document: Mapping[str, Any]) -> Delivery | Reply:
        """The delivery that the document makes, or why it is refused."""
        source = endpoint.source
        if source.sent_at is not None and endpoint.is_stale(arrival.sent_at(document), self._now()):
            return _STALE
        if source.check is not None:
            try:
                source.check(document)
            except InvalidError as reason:
                return error(422, str(reason), "invalid")
        return arrival.delivery(document)

    async def _record(self, endpoint: Endpoint, delivery: Delivery, request: _Request) -> Reply:
        if delivery.event_type in endpoint.source.event_types:
            request.event_type = delivery.event_type or "other"
        request.delivery_id = delivery.delivery_id
        started = time.perf_counter()
        receipt = await self.recorder.record(delivery)
        STORE_SECONDS.observe(time.perf_counter() - started)
        if not endpoint.secrets:
            self._tell_unsigned(endpoint)
        return receipt_reply(receipt)

    async def set_aside(self, endpoint: Endpoint, arrival: Arrival, reason: Exception) -> Reply:
        """The answer to a delivery that cannot be read, which is kept where it is the sender's for certain.

        Raises:
            RetriableError: the database does not answer.

        """
        if endpoint.source.check is not None:  # whoever sent it can mend it
            return error(422, str(reason), "invalid")
        if not endpoint.secrets:
            return error(400, str(reason), "invalid")
        kept = await quarantine.keep(self._pool, arrival.unread(), str(reason))
        log.warning("webhook.quarantined", source=endpoint.source.name, quarantine_id=kept, reason=str(reason))
        return Reply(200, b'{"status":"quarantined","id":%d}' % kept, "quarantined")

    def _tell_unsigned(self, endpoint: Endpoint) -> None:
        """Warn, once, that a source which nobody set up is in use all the same."""
        source = endpoint.source
        if source.secret_env is not None and not source.is_expected and source.name not in self._is_told:
            self._is_told.add(source.name)
            log.warning("source.without_secret", source=source.name, setting=source.secret_env, accepted=True)


async def _soon(work: Coroutine[Any, Any, Reply]) -> Reply:
    """The work's reply, if it comes while the sender waits; the work goes on without an audience.

    Cancelling it would not do: a connection that hangs takes its time to be given up.

    Raises:
        RetriableError: it does not come.

    """
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
    if not done:
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        message = "The event store does not answer; send it again."
        raise RetriableError(message)
    return task.result()


async def _drop_rest(receive: Receive) -> tuple[tuple[bytes, bytes], ...]:
    """The header that ends the connection where the body that nobody reads is too long to drop."""
    return () if await discard_body(receive) else ((b"connection", b"close"),)


def _expected_bytes(headers: Mapping[bytes, bytes], endpoint: Endpoint) -> int:
    """How long the body is, by its header; as long as may be where there is none.

    Raises:
        BodyTooLargeError: it is over the limit.

    """
    announced = headers.get(b"content-length", b"")
    if not announced.isdigit():
        return endpoint.body_limit_bytes
    if int(announced) > endpoint.body_limit_bytes:
        raise BodyTooLargeError
    return int(announced)


def receipt_reply(receipt: Receipt) -> Reply:
    """The answer to a delivery that is stored."""
    word = "ok" if receipt.is_new else "duplicate"
    return Reply(200, b'{"status":"%s","id":%d}' % (word.encode(), receipt.id), word)


def unavailable(failure: Exception) -> Reply:
    """The answer to a delivery that has to be sent again."""
    return error(503, str(failure) or "The body took too long to come.", "unavailable", retry_after="2")
