"""Sessions of people who proved a key once: values that say so, verified without anything being kept.

A value is `<end>.<nonce>.<mac>`: the second since 1970 at which it ends, something random, and an HMAC of both under a
secret derived from the key. It holds no key, and ends when its key is taken away.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

COOKIE = "em_agent_session"
LASTS_SECONDS = 14 * 24 * 3600
_PURPOSE = b"em-agent dashboard session 1"


class Sessions:
    """Issues and verifies sessions for the keys that are set."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take any of these keys."""
        self._keys = [key.encode() for key in keys]
        self._secrets = [hmac.digest(key, _PURPOSE, "sha256") for key in self._keys]

    @property
    def are_needed(self) -> bool:
        """Whether any key is set."""
        return bool(self._keys)

    def is_key(self, given: str) -> bool:
        """Whether the text is one of the keys; it takes as long for one that nearly is."""
        text = given.strip().encode("utf-8", "replace")
        matches = [hmac.compare_digest(text, key) for key in self._keys]
        return any(matches)

    def issue(self, key: str, now_seconds: float) -> str:
        """A session of whoever has the key."""
        what = f"{int(now_seconds) + LASTS_SECONDS}.{secrets.token_urlsafe(16)}"
        return f"{what}.{_sign(hmac.digest(key.strip().encode(), _PURPOSE, 'sha256'), what)}"

    def is_valid(self, value: str, now_seconds: float) -> bool:
        """Whether the value is a session of a key that is still set, and has not ended."""
        what, _, mac = value.rpartition(".")
        end, _, nonce = what.partition(".")
        if not (end.isascii() and end.isdecimal() and len(end) <= 12 and nonce and mac.isascii()):  # noqa: PLR2004
            return False
        matches = [hmac.compare_digest(_sign(secret, what), mac) for secret in self._secrets]
        return any(matches) and now_seconds < int(end)


def _sign(secret: bytes, what: str) -> str:
    return hmac.new(secret, what.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
