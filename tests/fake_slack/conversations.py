"""What was said in the fake's channels, and to whom."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Said:
    """A message as people see it now; `versions` are all that it has said."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    visible_to: str | None = None  # None: everybody in the channel
    metadata: dict[str, Any] | None = None
    at: float = field(default_factory=time.monotonic)
    versions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def message(self) -> dict[str, Any]:
        """The parts that a client shows."""
        return {"text": self.text, "blocks": self.blocks}

    @property
    def words(self) -> str:
        """Everything that can be read in its blocks."""
        return " ".join(_words(self.blocks))

    def button(self, label: str) -> dict[str, Any] | None:
        """The button with that label."""
        buttons = (element for block in self.blocks if block["type"] == "actions" for element in block["elements"])
        return next((element for element in buttons if element["text"]["text"] == label), None)

    def change(self, text: str, blocks: list[dict[str, Any]]) -> None:
        """Say something else."""
        self.versions.append(self.message)
        self.text, self.blocks = text, blocks


class Conversations:
    """Everything that was said, in its order."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self._numbers = itertools.count(1)

    def add(
        self, channel: str, body: dict[str, Any], *, visible_to: str | None = None, thread_ts: str | None = None
    ) -> Said:
        """Say it."""
        said = Said(
            channel=channel,
            ts=f"{int(time.time())}.{next(self._numbers):06d}",
            text=body.get("text") or "",
            blocks=body.get("blocks") or [],
            thread_ts=thread_ts or body.get("thread_ts"),
            visible_to=visible_to,
            metadata=body.get("metadata"),
        )
        self.said.append(said)
        return said

    def find(self, channel: str, ts: str) -> Said | None:
        """The message of that time."""
        return next((said for said in self.said if said.channel == channel and said.ts == ts), None)

    def public(self, channel: str | None = None, thread_ts: str | None = None) -> list[Said]:
        """What everybody sees; outside of threads unless one is named."""
        return [
            said
            for said in self.said
            if said.visible_to is None and said.thread_ts == thread_ts and channel in {None, said.channel}
        ]

    def private(self, user: str = "UASKER") -> list[Said]:
        """What only that person sees."""
        return [said for said in self.said if said.visible_to == user]


def _words(part: Any) -> list[str]:
    if isinstance(part, list):
        return [word for item in part for word in _words(item)]
    if isinstance(part, dict):
        own = [part["text"]] if isinstance(part.get("text"), str) else []
        return own + [word for value in part.values() if isinstance(value, dict | list) for word in _words(value)]
    return []
