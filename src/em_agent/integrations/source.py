"""What a vendor's webhooks look like: the facts that the gateway needs to verify and record a delivery."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from em_agent.integrations.readers import Check, Reader

MEBIBYTE = 1024 * 1024


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
class SignedTime:
    """A time that the signed body states, and how far from ours it may be: what was recorded is not sent again later.

    A body that states none is taken: nobody but the sender could have left it out of what is signed.
    """

    read: Reader[datetime]
    within: timedelta

    def is_fresh(self, sent_at: datetime, now: datetime) -> bool:
        """Whether the time is near enough, before or after."""
        return abs(now - sent_at) <= self.within


@dataclass(frozen=True)
class WebhookSource:
    """One source of webhooks, as data; `gateway` does the work once for all of them.

    A delivery is proved by `signature` with the secrets that `secret_env` holds. A source without them is one of our
    own: it asks for an API key, and `check` refuses what is wrong where a vendor's delivery would be kept as it is.
    """

    name: str
    delivery_id: Reader[str]
    event_type: Reader[str]
    occurred_at: Reader[datetime]
    event_types: frozenset[str]
    secret_env: str | None = None
    signature: HmacSha256 | None = None
    sent_at: SignedTime | None = None
    form_field: str | None = None  # of a form-encoded body the field that holds the JSON
    check: Check | None = None  # raises InvalidError
    kept_headers: tuple[str, ...] = field(default=("content-type", "user-agent"))
    body_limit_bytes: int = MEBIBYTE
    is_expected: bool = False  # whether an installation without it is worth a warning
