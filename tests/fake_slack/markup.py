"""Finds what of a message acts by itself: rings, leads somewhere, or shows as something else than its characters."""

import re
from collections.abc import Iterator
from typing import Any

_ANGLE = re.compile(r"<[^>]*>?")
_EMPHASIS = re.compile(r"[*_~`]")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S|\bmailto:\S|@\w", re.IGNORECASE)
_EMOJI = re.compile(r":[a-z0-9_+'-]+:")
_QUOTE = re.compile(r"^(?:>|&gt;)", re.MULTILINE)
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def live_markup(message: dict[str, Any], *, allowed_urls: frozenset[str] = frozenset()) -> list[str]:
    """Everything in the message that is no plain text; links to `allowed_urls` are meant."""
    found = [f"text {what}" for what in _of_mrkdwn(message.get("text") or "")]
    found += list(_of_blocks(message.get("blocks") or [], allowed_urls))
    return found


def _of_mrkdwn(content: str) -> Iterator[str]:
    for pattern in (_ANGLE, _EMPHASIS, _ADDRESS, _EMOJI, _HIDDEN):
        for line in content.splitlines():
            # A quotation's own sign stands before what is quoted.
            yield from pattern.findall(line.removeprefix("> "))


def _of_blocks(part: Any, allowed_urls: frozenset[str]) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _of_blocks(item, allowed_urls)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if kind == "mrkdwn":
        yield from (f"mrkdwn {what}" for what in _of_mrkdwn(part["text"]))
    if kind in {"user", "channel", "usergroup", "broadcast", "emoji"}:
        yield f"{kind} element"
    if kind == "link" and part.get("url") not in allowed_urls:
        yield f"link to {part.get('url')}"
    if kind == "plain_text" and part.get("emoji"):
        yield "emoji allowed"
    if isinstance(part.get("text"), str):
        yield from (f"hidden {what!r}" for what in _HIDDEN.findall(part["text"]))
    for value in part.values():
        if isinstance(value, dict | list):
            yield from _of_blocks(value, allowed_urls)
