"""`POST /webhooks/{source}`: verify, record, answer.

A plain ASGI callable that stands before the web framework: a delivery costs no routing, no validation and no
middleware that it does not need. Which status means what to PagerDuty:
https://developer.pagerduty.com/docs/webhooks-behavior.
"""

import asyncio
import hashlib
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from em_agent.domain.deliveries import Delivery
from em_agent.errors import InvalidError, RetriableError
from em_agent.events import quarantine
from em_agent.events.record import ANSWER_SECONDS, Recorder, UnreadableError
from em_agent.gateway.http import (
    BodyTooLargeError,
    DisconnectedError,
    Receive,
    Reply,
    Scope,
    Send,
    error,
    read_body,
)
from em_agent.gateway.rate import RateLimit
from em_agent.gateway.telemetry import DELIVERIES, STORE_SECONDS
from em_agent.integrations.source import WebhookSource
from em_agent.kit.bodies import discard_body
from em_agent.kit.postgres import Pool

PATH_PREFIX = "/webhooks/"

log = structlog.get_logger()

_METHOD_NOT_ALLOWED = error(405, "Method Not Allowed", "method_not_allowed", allow="POST")
_NOT_FOUND = error(404, "There is no webhook source of this name.", "not_found")


@dataclass(frozen=True)
class Endpoint:
    """One source and the rules that the installation sets for it."""

    source: WebhookSource
    secrets: Sequence[bytes] = field(repr=False)
    body_limit_bytes: int
    takes_unsigned: bool
    rate_limit: RateLimit | None = None


@dataclass(slots=True)
class _Request:
    """What the log line says of a request."""

    source: str
    event_type: str = "other"
    delivery_id: str | None = None


class WebhookGateway:
    """The ASGI callable for every path below `/webhooks/`."""

    def __init__(self, endpoints: Mapping[str, Endpoint], recorder: Recorder, pool: Pool) -> None:
        """Record through `recorder`; `pool` serves what is odd and rare."""
        self._endpoints = endpoints
        self._recorder = recorder
        self._pool = pool
        self._log = log.bind()  # bound once: a line for each delivery goes without the lazy logger's look-up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, count it, and write its line in the log."""
        started = time.perf_counter()
        request = _Request(scope["path"].removeprefix(PATH_PREFIX).rstrip("/"))
        try:
            reply = await self._reply(scope, receive, request)
        except DisconnectedError:
            log.info("webhook.disconnected", source=request.source)
            return
        await reply.send(send)
        seconds = time.perf_counter() - started
        source = request.source if request.source in self._endpoints else "other"
        DELIVERIES.labels(source, request.event_type, reply.outcome).inc()
        self._log.info(
            "webhook.answered",
            source=source,
            event_type=request.event_type,
            delivery_id=request.delivery_id,
            outcome=reply.outcome,
            status=reply.status,
            milliseconds=round(seconds * 1000, 1),
        )

    async def _reply(self, scope: Scope, receive: Receive, request: _Request) -> Reply:
        endpoint = self._endpoints.get(request.source)
        if endpoint is None:
            return _NOT_FOUND
        if scope["method"] != "POST":
            return _METHOD_NOT_ALLOWED
        headers = _joined(scope["headers"])
        try:
            body = await read_body(receive, headers.get(b"content-length", b""), endpoint.body_limit_bytes)
        except BodyTooLargeError:
            detail = f"The body is over the limit of {endpoint.body_limit_bytes} bytes."
            is_read = await discard_body(receive)
            return error(413, detail, "too_large", **({} if is_read else {"connection": "close"}))
        signature = headers.get(endpoint.source.signature.header.encode(), b"").decode("latin-1")
        refusal = _refuse(endpoint, signature, body)
        if refusal is not None:
            return refusal
        try:
            return await self._accept(endpoint, headers, signature, body, request)
        except RetriableError as failure:
            return error(503, str(failure), "unavailable", retry_after="2")

    async def _accept(
        self, endpoint: Endpoint, headers: Mapping[bytes, bytes], signature: str, body: bytes, request: _Request
    ) -> Reply:
        document = _read_plain(body)
        if document is not None:
            delivery = _delivery(endpoint.source, headers, signature, body, document)
            try:
                return await self._record(endpoint, delivery, request)
            except UnreadableError as reason:
                return await _soon(self._set_aside(endpoint, delivery, reason))
        return await _soon(self._accept_odd(endpoint, headers, signature, body, request))

    async def _accept_odd(
        self, endpoint: Endpoint, headers: Mapping[bytes, bytes], signature: str, body: bytes, request: _Request
    ) -> Reply:
        """Have PostgreSQL judge the body."""
        try:
            document = await quarantine.read_odd_body(self._pool, body)
            delivery = _delivery(endpoint.source, headers, signature, body, document)
            return await self._record(endpoint, delivery, request)
        except (InvalidError, UnreadableError) as reason:
            return await self._set_aside(endpoint, _delivery(endpoint.source, headers, signature, body, {}), reason)

    async def _record(self, endpoint: Endpoint, delivery: Delivery, request: _Request) -> Reply:
        if delivery.event_type in endpoint.source.event_types:
            request.event_type = delivery.event_type or "other"
        request.delivery_id = delivery.delivery_id
        started = time.perf_counter()
        receipt = await self._recorder.record(delivery)
        STORE_SECONDS.observe(time.perf_counter() - started)
        if receipt.is_new:
            return Reply(200, b'{"status":"ok","id":%d}' % receipt.id, "ok")
        return Reply(200, b'{"status":"duplicate","id":%d}' % receipt.id, "duplicate")

    async def _set_aside(self, endpoint: Endpoint, delivery: Delivery, reason: Exception) -> Reply:
        if not endpoint.secrets:
            return error(400, str(reason), "invalid")
        kept = await quarantine.keep(self._pool, delivery, str(reason))
        log.warning("webhook.quarantined", source=delivery.source, quarantine_id=kept, reason=str(reason))
        return Reply(200, b'{"status":"quarantined","id":%d}' % kept, "quarantined")


def _read_plain(body: bytes) -> Mapping[str, Any] | None:
    """The body's object if it is one that PostgreSQL's json functions can read for certain.

    What orjson reads they read too, except for the escape of NUL; what it does not, they may.
    """
    if b"\\u0000" in body:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


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


def _refuse(endpoint: Endpoint, signature: str, body: bytes) -> Reply | None:
    """The answer to a delivery that does not prove itself or comes too fast."""
    if endpoint.secrets:
        if not endpoint.source.signature.matches(signature, body, endpoint.secrets):
            detail = "The signature is missing or does not match the body."
            return error(401, detail, "unauthentic")
    elif not endpoint.takes_unsigned:
        detail = f"This source has no secret: set {endpoint.source.secret_env}, or EM_AGENT_ALLOW_UNSIGNED=true."
        return error(403, detail, "refused")
    if endpoint.rate_limit is not None:
        wait_seconds = endpoint.rate_limit.take()
        if wait_seconds:
            return error(429, "Too many deliveries a second.", "rate_limited", retry_after=str(wait_seconds))
    return None


def _joined(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name; one that comes several times is joined by commas, as RFC 9110 has it."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b"," + value if name in headers else value
    return headers


def _delivery(
    source: WebhookSource, headers: Mapping[bytes, bytes], signature: str, body: bytes, envelope: Mapping[str, Any]
) -> Delivery:
    kept = {name: headers[name.encode()].decode("latin-1") for name in source.kept_headers if name.encode() in headers}
    return Delivery(
        source=source.name,
        delivery_id=source.delivery_id(envelope) or hashlib.sha256(body).hexdigest(),
        body=body,
        event_type=source.event_type(envelope),
        occurred_at=source.occurred_at(envelope),
        signature=signature or None,
        headers=kept,
    )
