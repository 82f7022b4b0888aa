"""What Slack sends, as the requests that are kept: pure reading of a body that has proved itself."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from em_agent.errors import InvalidError
from em_agent.kit import json

Kind = Literal["command", "interaction", "event"]
# A key is of Slack's making, and short; a longer one is kept by its digest.
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class SlackRequest:
    """A request to act upon once; `key` names it, also when it is sent again."""

    kind: Kind
    key: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Challenge:
    """Slack's question whether the address of the events is ours; the answer is its own text."""

    text: str


def read_command(body: bytes) -> SlackRequest:
    """The slash command in a form-encoded body.

    Raises:
        InvalidError: it is none.

    """
    return command_request(_form(body))


def command_request(fields: Mapping[str, Any]) -> SlackRequest:
    """The request of a slash command's fields.

    Raises:
        InvalidError: it names no command.

    """
    if not isinstance(fields.get("command"), str):
        message = "This is no slash command: it has no field `command`."
        raise InvalidError(message)
    return SlackRequest("command", _key("command", fields.get("trigger_id"), fields), fields)


def read_interaction(body: bytes) -> SlackRequest:
    """The click, or other interaction, in a form-encoded body.

    Raises:
        InvalidError: it is none.

    """
    payload = _object(_form(body).get("payload", ""))
    return interaction_request(payload)


def interaction_request(payload: Mapping[str, Any]) -> SlackRequest:
    """The request of an interaction's payload."""
    return SlackRequest("interaction", _key("interaction", payload.get("trigger_id"), payload), payload)


def read_event(body: bytes) -> SlackRequest | Challenge:
    """The event in a JSON body, or the question that stands in for one when the address is set up.

    Raises:
        InvalidError: it is neither.

    """
    payload = _object(body)
    if payload.get("type") == "url_verification":
        return Challenge(str(payload.get("challenge", "")))
    return event_request(payload)


def event_request(payload: Mapping[str, Any]) -> SlackRequest:
    """The request of an event's envelope."""
    return SlackRequest("event", _key("event", payload.get("event_id"), payload), payload)


def _key(kind: Kind, identifier: object, payload: Mapping[str, Any]) -> str:
    """The name of the request; one that Slack gave none is named by all that it says."""
    if isinstance(identifier, str) and 0 < len(identifier) <= _LONGEST_KEY and "\x00" not in identifier:
        return f"{kind}:{identifier}"
    return f"{kind}:sha256:{hashlib.sha256(json.dumps(dict(payload))).hexdigest()}"


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=100))
    except ValueError as error:
        message = "The body is no form that can be read."
        raise InvalidError(message) from error


def _object(text: bytes | str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        message = "The body holds no JSON that can be read."
        raise InvalidError(message) from error
    if not isinstance(document, dict):
        message = "The body holds no JSON object."
        raise InvalidError(message)
    return document
