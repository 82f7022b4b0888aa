"""What Slack takes as a message: https://docs.slack.dev/reference/block-kit/blocks."""

from collections.abc import Iterator
from typing import Any

BLOCK_TYPES = {"header", "section", "context", "rich_text", "actions", "divider"}
RICH_PARTS = {"rich_text_section", "rich_text_quote", "rich_text_list", "rich_text_preformatted"}
RICH_LEAVES = {"text", "link", "user", "channel", "broadcast", "emoji", "date", "usergroup", "color"}


def problems_of(message: dict[str, Any]) -> list[str]:
    """What Slack would refuse the message for; nothing when it takes it."""
    return list(_problems(message))


def _length(content: str) -> int:
    return len(content.encode("utf-16-le")) // 2


def _problems(message: dict[str, Any]) -> Iterator[str]:
    text, blocks = message.get("text"), message.get("blocks") or []
    if not text and not blocks:
        yield "no_text"
    if not text:
        yield "no fallback text"
    elif _length(text) > 4000:
        yield "text over 4000"
    if len(blocks) > 50:
        yield f"{len(blocks)} blocks"
    if sum(_all_text(block) for block in blocks) > 13_000:
        yield "msg_blocks_too_long"
    actions = set()
    for block in blocks:
        yield from _block(block)
        for element in block.get("elements") or []:
            if isinstance(element, dict) and "action_id" in element:
                if element["action_id"] in actions:
                    yield "action_id twice"
                actions.add(element["action_id"])


def _all_text(part: Any) -> int:
    if isinstance(part, dict):
        return sum(
            _length(value) if name == "text" and isinstance(value, str) else _all_text(value)
            for name, value in part.items()
        )
    return sum(map(_all_text, part)) if isinstance(part, list) else 0


def _block(block: dict[str, Any]) -> Iterator[str]:  # noqa: PLR0912 - one branch a rule
    kind = block.get("type")
    if kind not in BLOCK_TYPES:
        yield f"block type {kind}"
    if kind == "header":
        yield from _text(block.get("text"), 150, {"plain_text"})
    elif kind == "section":
        if not block.get("text") and not block.get("fields"):
            yield "empty section"
        if block.get("text"):
            yield from _text(block["text"], 3000, {"plain_text", "mrkdwn"})
        fields = block.get("fields") or []
        if len(fields) > 10:
            yield "over 10 fields"
        for field in fields:
            yield from _text(field, 2000, {"plain_text", "mrkdwn"})
    elif kind == "context":
        if not 1 <= len(block["elements"]) <= 10:
            yield "context elements"
        for element in block["elements"]:
            yield from _text(element, 3000, {"plain_text", "mrkdwn"})
    elif kind == "actions":
        if not 1 <= len(block["elements"]) <= 25:
            yield "action elements"
        for element in block["elements"]:
            yield from _button(element)
    elif kind == "rich_text":
        yield from _rich(block)


def _text(part: Any, limit: int, kinds: set[str]) -> Iterator[str]:
    if not isinstance(part, dict) or part.get("type") not in kinds:
        yield f"text object {part}"
    elif not 1 <= _length(part.get("text") or "") <= limit:
        yield f"text of {_length(part.get('text') or '')}, limit {limit}"


def _button(element: dict[str, Any]) -> Iterator[str]:
    if element.get("type") != "button":
        yield f"element {element.get('type')}"
    yield from _text(element.get("text"), 75, {"plain_text"})
    if _length(element.get("value") or "") > 2000 or _length(element.get("action_id") or "") > 255:
        yield "button value or action"


def _rich(block: dict[str, Any]) -> Iterator[str]:
    if not block.get("elements"):
        yield "empty rich_text"
    if _all_text(block) > 3000:
        yield f"rich_text of {_all_text(block)}"
    for part in block.get("elements") or []:
        yield from _rich_part(part)


def _rich_part(part: dict[str, Any]) -> Iterator[str]:
    if part.get("type") not in RICH_PARTS:
        yield f"rich part {part.get('type')}"
    if part.get("type") == "rich_text_list":
        for section in part["elements"]:
            if section.get("type") != "rich_text_section":
                yield "list of no sections"
            yield from _rich_part(section)
        return
    if not part.get("elements"):
        yield "empty rich part"
    for leaf in part.get("elements") or []:
        if leaf.get("type") not in RICH_LEAVES:
            yield f"rich leaf {leaf.get('type')}"
        if leaf.get("type") == "text" and not leaf.get("text"):
            yield "empty rich text"
        if leaf.get("type") == "link" and not str(leaf.get("url")).startswith(("http://", "https://", "mailto:")):
            yield "link without an address"
