"""What a vendor's webhooks look like: the facts that the gateway needs to verify and record a delivery."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from em_agent.domain.times import parse_time

MEBIBYTE = 1024 * 1024
LONGEST_DELIVERY_ID = 200
# A longer one is no type that anybody meant; a message has to hold it beside the payload.
LONGEST_EVENT_TYPE = 1000

Document = Mapping[str, Any]


@dataclass(frozen=True)
class HmacSha256:
    """A header with the lower-case hex HMAC-SHA256 of the raw body; with `many`, several parted by commas."""

    header: str
    prefix: str = ""
    many: bool = False

    def matches(self, value: str, body: bytes, secrets: Sequence[bytes]) -> bool:
        """Whether any signature in the header's value was made of the body with any of the secrets."""
        parts = [part.strip() for part in value.split(",")] if self.many else [value.strip()]
        given = [part.removeprefix(self.prefix).encode() for part in parts if part.startswith(self.prefix)]
        is_match = False
        for secret in secrets:
            code = _keyed(secret).copy()
            code.update(body)
            expected = code.hexdigest().encode()
            for signature in given:
                is_match |= hmac.compare_digest(expected, signature)
        return is_match


@lru_cache(maxsize=64)
def _keyed(secret: bytes) -> hmac.HMAC:
    """A code that has taken in the key: a copy of it costs half of a new one, and every delivery needs one."""
    return hmac.new(secret, digestmod=hashlib.sha256)


@dataclass(frozen=True)
class WebhookSource:
    """One vendor's webhooks, as data; `gateway` does the work once for all of them."""

    name: str
    secret_env: str
    signature: HmacSha256
    delivery_id: Callable[[Document], str | None]
    event_type: Callable[[Document], str | None]
    occurred_at: Callable[[Document], datetime | None]
    event_types: frozenset[str]
    kept_headers: tuple[str, ...] = field(default=("content-type", "user-agent"))
    body_limit_bytes: int = MEBIBYTE


def text_at(*path: str, longest: int | None = None) -> Callable[[Document], str | None]:
    """A reader of the text at `path`; it gives None where there is none, or an empty or too long one."""

    def read(document: Document) -> str | None:
        value = _value_at(document, path)
        if isinstance(value, str) and value and (longest is None or len(value) <= longest):
            return value
        return None

    return read


def time_at(*path: str) -> Callable[[Document], datetime | None]:
    """A reader of the time at `path`, in UTC; it gives None where there is no valid one."""
    return lambda document: parse_time(_value_at(document, path))


def _value_at(document: object, path: Sequence[str]) -> object:
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document
