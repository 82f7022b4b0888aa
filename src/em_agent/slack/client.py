"""Slack's Web API and the addresses that come with requests, by Slack's own library."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from em_agent.addresses import goes_direct
from em_agent.kit import json
from em_agent.slack.failures import NO_TOKEN, SlackAwayError, SlackRefusedError, SlackTokenError, failure_of

DEFAULT_API_URL = "https://slack.com/api/"
ANSWER_SECONDS = 10
_SLACK_HOSTS = (".slack.com", ".slack-gov.com")
_OK = 200
_NO_JSON = "it answered no JSON"
_GONE = frozenset({"used_url", "expired_url", "no_response_url", "invalid_url"})


class SlackClient:
    """Calls Slack once each; whoever calls decides whether to try again."""

    def __init__(self, session: aiohttp.ClientSession, token: str | None, api_url: str = DEFAULT_API_URL) -> None:
        """Call the Web API at `api_url` with the bot's token, which may be missing."""
        self._session = session
        self._host = urlsplit(api_url).hostname or ""
        self.has_token = bool(token)
        self.web = AsyncWebClient(
            token=token, base_url=api_url, timeout=ANSWER_SECONDS, session=session, retry_handlers=[]
        )
        if goes_direct(api_url):  # the library does not read NO_PROXY
            self.web.proxy = None

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - the method's own arguments
        """What the method answers.

        Raises:
            SlackAwayError: Slack does not answer, asks to wait, or refuses the token.
            SlackRefusedError: it refuses the call.

        """
        if not self.has_token:
            raise SlackTokenError(NO_TOKEN)
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            response = await self.web.api_call(method, json=given)
        except SlackApiError as error:
            answer: Any = error.response
            code = str(answer.get("error") or "unknown_error") if isinstance(answer.data, dict) else _NO_JSON
            if code == _NO_JSON and answer.status_code == _OK:
                raise SlackAwayError(_NO_JSON, may_have_arrived=True) from error
            raise failure_of(code, answer.status_code, answer.headers) from error
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise SlackAwayError(type(error).__name__) from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackAwayError(type(error).__name__, may_have_arrived=True) from error
        return {**_data(response), "headers": dict(response.headers)}

    def may_answer_to(self, response_url: str | None) -> bool:
        """Whether the address is Slack's, or that of the API in use."""
        try:
            place = urlsplit(response_url or "")
        except ValueError:
            return False
        host = (place.hostname or "").lower()
        if place.scheme not in {"http", "https"} or not host:
            return False
        is_slacks = place.scheme == "https" and any(host.endswith(name) for name in _SLACK_HOSTS)
        return is_slacks or host == self._host

    async def respond(self, response_url: str, body: dict[str, Any]) -> None:
        """Post to the address that came with a request.

        Raises:
            SlackAwayError: Slack does not answer, or asks to wait.
            SlackRefusedError: the address is no longer good, or the message is not.

        """
        webhook = AsyncWebhookClient(response_url, timeout=ANSWER_SECONDS, session=self._session, retry_handlers=[])
        if goes_direct(response_url):
            webhook.proxy = None
        try:
            answer = await webhook.send_dict(body)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise SlackAwayError(type(error).__name__) from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackAwayError(type(error).__name__, may_have_arrived=True) from error
        code = _code(answer.body or "")
        if answer.status_code != _OK:
            failure = failure_of(code or f"status_{answer.status_code}", answer.status_code, answer.headers)
            # The address needs no token: a word about one is about the address.
            raise SlackRefusedError(failure.code) if isinstance(failure, SlackTokenError) else failure
        if code in _GONE:
            raise SlackRefusedError(code)
        if code is not None:
            raise failure_of(code, answer.status_code, answer.headers)


@asynccontextmanager
async def open_slack(token: str | None, api_url: str) -> AsyncIterator[SlackClient]:
    """The client, closed on exit."""
    connector = aiohttp.TCPConnector(limit=20)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    ) as session:
        yield SlackClient(session, token, api_url)


def _data(response: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's
    return response.data if isinstance(response.data, dict) else {}


def _code(body: str) -> str | None:
    """What went wrong by the body of an answer; None when nothing did."""
    if body.strip() in {"", "ok"}:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return body.strip()[:100]
    if isinstance(document, dict):
        return None if document.get("ok", True) else str(document.get("error") or "unknown_error")[:100]
    return None
