"""Socket Mode: what Slack asks comes over a connection that we open, where Slack cannot reach us.

Each envelope is written down as a request of the endpoints is, then acknowledged. One that is not acknowledged, Slack
sends again. https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import logging

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from em_agent.addresses import goes_direct
from em_agent.errors import InvalidError, RetriableError
from em_agent.kit.postgres import UNREACHABLE, Pool
from em_agent.slack import troubles
from em_agent.slack.intake import NOT_TAKEN, Intake
from em_agent.slack.requests import SlackRequest, command_request, event_request, interaction_request

LOOK_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
PING_SECONDS = 5
_READERS = {"slash_commands": command_request, "interactive": interaction_request, "events_api": event_request}

# What a connection to Slack that does not come about, or breaks, ends with.
_BROKEN = (SlackApiError, SlackClientError, aiohttp.ClientError, OSError, TimeoutError)

log = structlog.get_logger()


class SocketMode:
    """One connection to Slack, kept up; of several copies' connections Slack uses any."""

    def __init__(self, app_token: str, api_url: str, pool: Pool) -> None:
        """Connect by the app's token, asking the API for where."""
        self._app_token = app_token
        self._api_url = api_url
        self._pool = pool
        self._intake = Intake(pool)
        self.is_well = False  # whether the connection stands

    async def run(self) -> None:
        """Take what comes until cancelled; the connection is made again whenever it breaks."""
        failures = 0
        while True:
            client = self._client()
            try:
                await self._connect(client)
                failures = 0
                await self._watch(client)
            except _BROKEN as error:
                failures += 1
                log.warning("socket_mode.not_connected", error=_reason(error))
                with contextlib.suppress(RetriableError, *UNREACHABLE):
                    await troubles.note(self._pool, troubles.SOCKET, _reason(error))
            finally:
                self.is_well = False
                with contextlib.suppress(*_BROKEN):
                    await client.close()  # type: ignore[no-untyped-call]
            await asyncio.sleep(min(2.0 ** min(failures, 10), LONGEST_PAUSE_SECONDS))

    def _client(self) -> SocketModeClient:
        web = AsyncWebClient(base_url=self._api_url, timeout=10)
        quiet = logging.getLogger("em_agent.slack.socket_mode")
        client = SocketModeClient(self._app_token, web_client=web, ping_interval=PING_SECONDS, logger=quiet)
        if goes_direct(self._api_url):
            web.proxy = client.proxy = None
        client.socket_mode_request_listeners.append(self._take)
        return client

    async def _connect(self, client: SocketModeClient) -> None:
        client.wss_uri = await client.issue_new_wss_url()
        await client.connect()  # type: ignore[no-untyped-call]
        log.info("socket_mode.connected")

    async def _watch(self, client: SocketModeClient) -> None:
        """Return never: the library connects anew by itself."""
        has_cleared = False
        while True:
            self.is_well = await client.is_connected()
            if self.is_well and not has_cleared:
                with contextlib.suppress(RetriableError, *UNREACHABLE):  # the connection stands without the database
                    await troubles.clear(self._pool, troubles.SOCKET)
                    has_cleared = True
            await asyncio.sleep(LOOK_SECONDS)

    async def _take(self, client: AsyncBaseSocketModeClient, envelope: SocketModeRequest) -> None:
        request = _read(envelope)
        payload = None
        if request is not None:
            try:
                await self._intake.take(request)
            except RetriableError:
                if request.kind != "command":
                    return  # it is not acknowledged: Slack sends it again
                payload = NOT_TAKEN
        response = SocketModeResponse(envelope_id=envelope.envelope_id, payload=payload)
        await client.send_socket_mode_response(response)


def _read(envelope: SocketModeRequest) -> SlackRequest | None:
    """The request in the envelope; None where there is none that we know."""
    read = _READERS.get(envelope.type)
    if read is None or not isinstance(envelope.payload, dict):
        return None
    try:
        return read(envelope.payload)
    except InvalidError as error:
        log.warning("socket_mode.invalid", error=str(error))
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return str(error.response.get("error") or type(error).__name__)
    return type(error).__name__
