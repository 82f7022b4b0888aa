"""What a sender delivers, and what it becomes once it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """An authentic webhook: what the sender's envelope says, and the body byte for byte."""

    source: str
    delivery_id: str
    body: bytes
    event_type: str | None = None
    occurred_at: datetime | None = None
    signature: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery: the row it is kept in, and whether it was there before."""

    id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of `events_raw` without its payload."""

    id: int
    source: str
    event_type: str | None
    delivery_id: str
    occurred_at: datetime | None
    received_at: datetime
