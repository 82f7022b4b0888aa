"""`POST /slack/commands`, `/slack/interactions` and `/slack/events`: verify, write down, acknowledge.

Slack waits three seconds for the acknowledgement, and sends events again that it did not get. Nothing is asked of Slack
here, and of the database only that it keeps the request: a worker does the rest.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from em_agent.errors import InvalidError, RetriableError
from em_agent.slack.intake import NOT_TAKEN, Intake
from em_agent.slack.requests import Challenge, SlackRequest, read_command, read_event, read_interaction
from em_agent.slack.telemetry import REQUESTS

if TYPE_CHECKING:
    from slack_sdk.signature import SignatureVerifier

PATH_PREFIX = "/slack/"
BODY_LIMIT_BYTES = 1024 * 1024
READ_SECONDS = 1.0

Read = Callable[[bytes], SlackRequest | Challenge]
_READERS: dict[str, Read] = {
    "/slack/commands": read_command,
    "/slack/interactions": read_interaction,
    "/slack/events": read_event,
}

log = structlog.get_logger()


class SlackEndpoints:
    """The ASGI callable for every path below `/slack/`."""

    def __init__(self, intake: Intake | None, signing_secrets: Sequence[str]) -> None:
        """Take what one of the secrets signed; without a secret, or an intake, there is no such endpoint."""
        self._intake = intake
        self._secrets = signing_secrets
        self._verifiers: list[SignatureVerifier] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        read = _READERS.get(request.scope["path"].rstrip("/"))
        if read is None:
            return _problem(404, "Not Found")
        if request.method != "POST":
            return _problem(405, "Method Not Allowed", allow="POST")
        if self._intake is None or not self._secrets:
            return _problem(404, "SLACK_SIGNING_SECRET is not set: nothing is taken from Slack here.")
        return await self._answer_post(request, read, self._intake)

    async def _answer_post(self, request: Request, read: Read, intake: Intake) -> Response:
        try:
            body = await _read_body(request)
        except TimeoutError:
            return _problem(408, "The body did not arrive in time.", connection="close")
        if body is None:
            return _problem(413, f"The body is over the limit of {BODY_LIMIT_BYTES} bytes.", connection="close")
        if not self._is_authentic(request, body):
            REQUESTS.labels("other", "unauthentic").inc()
            log.warning("slack.unauthentic", path=request.scope["path"])
            return _problem(401, "The signature is missing, stale, or does not match the body.")
        try:
            found = read(body)
        except InvalidError as error:
            REQUESTS.labels("other", "invalid").inc()
            return _problem(400, str(error))
        return await self._take(intake, found)

    async def _take(self, intake: Intake, found: SlackRequest | Challenge) -> Response:
        if isinstance(found, Challenge):
            return JSONResponse({"challenge": found.text})
        try:
            await intake.take(found)
        except RetriableError as error:
            if found.kind == "command":  # Slack shows this to whoever asked; it would hide the text of an error
                return JSONResponse(NOT_TAKEN)
            return _problem(503, str(error), retry_after="2")
        return Response(status_code=200)

    def _is_authentic(self, request: Request, body: bytes) -> bool:
        timestamp = request.headers.get("x-slack-request-timestamp")
        signature = request.headers.get("x-slack-signature")
        matches = []
        for verifier in self._verify_with():
            try:
                matches.append(verifier.is_valid(body, timestamp, signature))
            except (
                ValueError,
                TypeError,
                OverflowError,
            ):  # a time that is no number; characters that are of no signature
                return False
        return any(matches)

    def _verify_with(self) -> "list[SignatureVerifier]":
        if not self._verifiers:
            from slack_sdk.signature import SignatureVerifier  # noqa: PLC0415 - what does not use Slack does not carry it

            self._verifiers = [SignatureVerifier(secret) for secret in self._secrets]
        return self._verifiers


async def _read_body(request: Request) -> bytes | None:
    """The whole body, or None when it is over the limit.

    Raises:
        TimeoutError: it does not come in time.

    """
    chunks: list[bytes] = []
    length = 0
    async with asyncio.timeout(READ_SECONDS):
        async for chunk in request.stream():
            length += len(chunk)
            if length > BODY_LIMIT_BYTES:
                return None
            chunks.append(chunk)
    return b"".join(chunks)


def _problem(status: int, detail: str, **headers: str) -> Response:
    named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"detail": detail}, status_code=status, headers=named)
