"""Block Kit's parts, each within Slack's limits whatever it is made of.

Nothing here is `mrkdwn`: text from incidents stands in `plain_text` and `rich_text`, where no markup is read.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator, Sequence
from typing import Any

from em_agent.slack import text

Block = dict[str, Any]
Element = dict[str, Any]

MOST_BLOCKS = 50
LONGEST_TEXT = 3000
LONGEST_HEADER = 150
LONGEST_BUTTON = 75
LONGEST_VALUE = 2000
LONGEST_FIELD = 2000
MOST_FIELDS = 10
MOST_CONTEXT = 10
# Slack refuses a message whose blocks hold more than about 13,000 characters together.
LONGEST_MESSAGE = 12_000
LONGEST_FALLBACK = 3000


def header(words: str) -> Block:
    """A line in large letters."""
    return {"type": "header", "text": _plain(text.line(words, LONGEST_HEADER) or "-")}


def fields(pairs: Sequence[tuple[str, str]]) -> Block:
    """Names and values in two columns."""
    shown = [_plain(text.shown(f"{name}\n{value}", LONGEST_FIELD)) for name, value in pairs[:MOST_FIELDS]]
    return {"type": "section", "fields": shown}


def context(*lines: str) -> Block:
    """Small print."""
    return {
        "type": "context",
        "elements": [_plain(text.line(line, LONGEST_TEXT) or "-") for line in lines[:MOST_CONTEXT]],
    }


def rich(*elements: Element) -> Block:
    """Text with styles, links and quotations."""
    return {"type": "rich_text", "elements": _fitted(elements)}


def section(*parts: Element) -> Element:
    """A paragraph of a `rich` block."""
    return {"type": "rich_text_section", "elements": list(parts)}


def quote(*parts: Element) -> Element:
    """A quotation of a `rich` block."""
    return {"type": "rich_text_quote", "elements": list(parts)}


def bullets(*sections: Element) -> Element:
    """A list of a `rich` block."""
    return {"type": "rich_text_list", "style": "bullet", "elements": list(sections)}


def words(content: str, *styles: str) -> Element:
    """Text of a paragraph, as it is; `styles` are bold, italic, code."""
    element: Element = {"type": "text", "text": text.cut(text.clean(content), LONGEST_TEXT) or " "}
    return {**element, "style": dict.fromkeys(styles, True)} if styles else element


def link(url: str | None, content: str, *styles: str) -> Element:
    """Text that leads to the address, if that is one."""
    address = text.link_of(url)
    if address is None:
        return words(content, *styles)
    return {**words(content, *styles), "type": "link", "url": address}


def person(user_id: str) -> Element:
    """Somebody of the workspace, by name."""
    return {"type": "user", "user_id": user_id}


def button(label: str, action: str, value: str) -> Element:
    """A button; a click on it comes back with `action` and `value`."""
    return {
        "type": "button",
        "text": _plain(text.line(label, LONGEST_BUTTON)),
        "action_id": action,
        "value": text.cut(value, LONGEST_VALUE),
    }


def buttons(*elements: Element) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def fitted(blocks: Sequence[Block], *last: Block) -> list[Block]:
    """The blocks that one message takes, with `last` at its end; a line says when some were left out."""
    room = LONGEST_MESSAGE - sum(_length(block) for block in last)
    most = MOST_BLOCKS - len(last)
    kept: list[Block] = []
    for block in blocks:
        room -= _length(block)
        if len(kept) == most or room < 0:
            kept = [*kept[: most - 1], context("There is more than one message can hold.")]
            break
        kept.append(block)
    return [*kept, *last]


def _plain(content: str) -> Element:
    return {"type": "plain_text", "text": content, "emoji": False}


def _fitted(elements: Sequence[Element]) -> list[Element]:
    """The elements with at most `LONGEST_TEXT` characters together: what goes beyond it is cut, or left out."""
    room = LONGEST_TEXT
    kept: list[Element] = []
    for element in elements:
        if room <= 1:
            break
        shortened, room = _shortened(element, room)
        kept.append(shortened)
    return kept or [section(words(" "))]


def _shortened(element: Element, room: int) -> tuple[Element, int]:
    if "elements" not in element:
        content = text.cut(element["text"], room) if "text" in element else None
        taken = text.length(content) if content is not None else 20
        return ({**element, "text": content} if content is not None else element), room - taken
    kept: list[Element] = []
    for part in element["elements"]:
        if room <= 1 and kept:
            break
        shortened, room = _shortened(part, max(room, 2))
        kept.append(shortened)
    return {**element, "elements": kept}, room


def _length(block: Block) -> int:
    return sum(text.length(content) for content in _texts(block))


def _texts(part: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a block
    if isinstance(part, dict):
        for name, value in part.items():
            if name in {"text", "url"} and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(part, list):
        for item in part:
            yield from _texts(item)
