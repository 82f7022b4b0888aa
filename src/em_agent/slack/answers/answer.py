"""An answer, and the messages it is shown in: to whoever asked, or to everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from em_agent.slack import blocks, text
from em_agent.slack.blocks import Block

SHARE = "em_agent_share"
SHOW_MORE = "em_agent_show_more"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out: the fallback's text, and blocks in pages, of which the first is shown at first.

    `text` is `mrkdwn` of Slack's: what it says of incidents has been through `text.harmless`.
    """

    text: str
    pages: Sequence[Sequence[Block]] = field(default_factory=tuple)
    can_share: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON keeps it."""
        return {"text": self.text, "pages": [list(page) for page in self.pages], "can_share": self.can_share}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Answer":
        """The answer that `to_dict` gave."""
        return cls(**fields)

    def for_everybody(self) -> "Answer":
        """The answer where everybody sees it anyway."""
        return replace(self, can_share=False)

    def content(self, page_count: int = 1) -> list[Block]:
        """The blocks of so many pages, the first ones."""
        found = [block for page in self.pages[:page_count] for block in page]
        return found or [blocks.rich(blocks.section(blocks.words(self.text)))]

    def message(self, answer_id: int, page_count: int = 1, *, is_shared: bool = False) -> dict[str, Any]:
        """The message with its buttons."""
        value = f"{answer_id}:{page_count}"
        buttons = []
        if self.can_share and not is_shared:
            buttons.append(blocks.button("Share", SHARE, value))
        if page_count < len(self.pages):
            buttons.append(blocks.button("Show more", SHOW_MORE, value))
        last = [blocks.context("Shared with this conversation.")] if is_shared else []
        if buttons:
            last.append(blocks.buttons(*buttons))
        return {"text": self.text, "blocks": blocks.fitted(self.content(page_count), *last)}

    def shared(self, page_count: int, user_id: str, user_name: str) -> dict[str, Any]:
        """The message for everybody, with the name of who shares it."""
        name = text.line(user_name, 80)
        by = blocks.person(user_id) if user_id.isascii() and user_id.isalnum() else blocks.words(name)
        signature = blocks.rich(blocks.section(blocks.words("Shared by ", "italic"), by))
        said = f"{self.text}\nShared by {text.harmless(user_name or user_id, 80)}"
        return {"text": said, "blocks": blocks.fitted(self.content(page_count), signature)}


def plain_answer(sentence: str, *more: Block, can_share: bool = False) -> Answer:
    """An answer in words of ours; what of it was written elsewhere shows, but does nothing."""
    shown = [blocks.rich(blocks.section(blocks.words(sentence))), *more]
    return Answer(text.harmless(sentence, blocks.LONGEST_FALLBACK), (shown,), can_share=can_share)
