"""What the memory holds: documents, and the passages in them that are found and quoted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

PassageKind = Literal["title", "note", "paragraph"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document that has a meaning of its own; the text is verbatim, for it is quoted."""

    kind: PassageKind
    text: str
    author: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """An incident or a document of the user's own, as the memory has it.

    `at` is the time that `since` and `until` ask about: an incident's trigger. `meta` is given back with every hit.
    """

    id: str
    source: str
    title: str
    passages: tuple[Passage, ...] = ()
    url: str | None = None
    number: int | None = None
    service_id: str | None = None
    service: str | None = None
    team_ids: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    urgency: str | None = None
    status: str | None = None
    priority: str | None = None
    at: datetime | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
