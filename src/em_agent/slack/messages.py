"""Messages to Slack as they are kept until they have arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from em_agent.slack.blocks import Block


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and its ways: the address that came with the request, else the channel.

    `is_private` is one that only `user` sees; `replaces` is one that takes the place of what was clicked on.
    """

    text: str
    blocks: Sequence[Block]
    response_url: str | None = None
    channel: str | None = None
    user: str | None = None
    thread_ts: str | None = None
    is_private: bool = False
    replaces: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The message as JSON keeps it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Message":
        """The message that `to_dict` gave."""
        return cls(**fields)
