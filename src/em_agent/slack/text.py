"""Text for Slack: what was written elsewhere is shown, and never acts.

Slack reads three kinds of text. `rich_text` and `plain_text` show what they are given; there only length matters, and
characters that change how the rest is read. `mrkdwn`, which the fallback text of every message is, has markup: mentions
that ring, links, emphasis. https://docs.slack.dev/messaging/formatting-message-text
"""

import re
import unicodedata
from typing import Any

# Characters that draw nothing themselves and make others appear in another order, or not at all.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile(r"\s+")
_EMPHASIS = str.maketrans({"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"})
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# An address or an emoji's name is taken apart by a character of no width.
_ADDRESS = re.compile(r"(?<=[A-Za-z0-9])(?=://)|(?<=mailto)(?=:)|(?<=@)(?=\S)", re.ASCII)
_EMOJI = re.compile(r":(?=[a-z0-9_+'\-]+(?::|$))")  # at the end too: what is put behind it may begin with a colon
_DOMAIN = re.compile(r"(?<=[A-Za-z0-9])\.(?=[A-Za-z]{2,})")
_APART = "\u200b"
_SLACK = 2000
_ELLIPSIS = "\u2026"


def clean(text: str) -> str:
    """The text without control characters other than line breaks and tabs, and in its own order of reading."""
    text = _BIDI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"})


def _enough(text: str | None, limit: int) -> str:
    """As much of the text as can be needed for so many characters: what lies far behind them need not be looked at."""
    return (text or "").strip()[: 4 * limit + _SLACK]


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` characters, as Slack counts them (UTF-16), with an ellipsis where some went."""
    if len(text) <= limit and length(text) <= limit:
        return text
    text = text[:limit]
    room, kept = limit - 1, []
    for character in text:
        room -= length(character)
        if room < 0:
            break
        kept.append(character)
    while kept and (unicodedata.combining(kept[-1]) or kept[-1] == "\u200d"):
        kept.pop()
    return "".join(kept).rstrip() + _ELLIPSIS


def length(text: str) -> int:
    """The count of the text's characters as Slack counts them."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)  # noqa: PLR2004 - what UTF-16 takes two for


def shown(text: str | None, limit: int) -> str:
    """The text for `plain_text` and `rich_text`, cut."""
    return cut(clean(_enough(text, limit)).strip(), limit)


def line(text: str | None, limit: int) -> str:
    """The text in one line for `plain_text` and `rich_text`, cut."""
    return cut(_BLANKS.sub(" ", clean(_enough(text, limit))).strip(), limit)


def harmless(text: str | None, limit: int) -> str:
    """The text in one line for `mrkdwn`, cut: it names nobody, leads nowhere and is not emphasised.

    What is cut is cut before it is escaped, so that no entity is cut; `limit` holds for what comes out.
    """
    words = line(text, limit).translate(_EMPHASIS)
    words = _EMOJI.sub(f":{_APART}", _DOMAIN.sub(f"{_APART}.", _ADDRESS.sub(_APART, words)))
    escaped = words.translate(_ENTITIES)
    while length(escaped) > limit:
        words = cut(words, length(words) - max(1, (length(escaped) - limit) // 5))
        escaped = words.translate(_ENTITIES)
    return escaped


def quoted(text: str | None, limit: int) -> str:
    """The text for `mrkdwn` as a quotation, each line with its sign, cut."""
    lines = [harmless(part, limit) for part in shown(text, limit).split("\n")]
    whole = ""
    for part in lines:
        longer = f"{whole}\n> {part}" if whole else f"> {part}"
        if length(longer) > limit:
            break
        whole = longer
    return whole


def unescaped(text: str) -> str:
    """What a person typed: Slack sends three characters as entities."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def link_of(url: Any) -> str | None:  # noqa: ANN401 - whatever a sender put there
    """The address if it is one for a browser that Slack takes; else None."""
    if not isinstance(url, str) or len(url) > 2000 or not url.startswith(("https://", "http://")):  # noqa: PLR2004
        return None
    return None if re.search(r"[\s<>|\"\\^`{}\x00-\x1f\x7f]", url) or _BIDI.search(url) else url
