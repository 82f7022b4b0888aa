"""One source as this installation serves it: what a delivery has to prove before anything else is done with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from em_agent.gateway.http import Reply, Scope, error
from em_agent.gateway.rate import RateLimit
from em_agent.integrations.source import WebhookSource

_UNAUTHENTIC = 401

# The status and the detail with which a request is refused, None where it may pass.
Guard = Callable[[Scope], tuple[int, str] | None]


@dataclass(frozen=True)
class Endpoint:
    """One source and the rules that the installation sets for it; `guard` asks what no signature proves."""

    source: WebhookSource
    secrets: Sequence[bytes] = field(repr=False)
    body_limit_bytes: int
    takes_unsigned: bool
    rate_limit: RateLimit | None = None
    guard: Guard | None = field(default=None, repr=False)

    def signature_of(self, headers: Mapping[bytes, bytes]) -> str:
        """What stands in the header of the signature; empty where there is none."""
        scheme = self.source.signature
        return headers.get(scheme.header.encode(), b"").decode("latin-1") if scheme is not None else ""

    def refuse_unread(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Reply | None:
        """The answer to a request that cannot be a right one whatever its body is."""
        if self.guard is not None:
            refusal = self.guard(scope)
            if refusal is None:
                return None
            status, detail = refusal
            if status == _UNAUTHENTIC:
                return error(status, detail, "unauthentic", www_authenticate="Bearer")
            return error(status, detail, "refused")
        return _unauthentic() if self.secrets and not self.signature_of(headers) else None

    def refuse(self, signature: str, body: bytes) -> Reply | None:
        """The answer to a delivery that does not prove itself or comes too fast."""
        scheme = self.source.signature
        if self.secrets:
            if scheme is None or not scheme.matches(signature, body, self.secrets):
                return _unauthentic()
        elif self.guard is None and not self.takes_unsigned:
            detail = f"This source has no secret: set {self.source.secret_env}, or EM_AGENT_ALLOW_UNSIGNED=true."
            return error(403, detail, "refused")
        if self.rate_limit is not None:
            wait_seconds = self.rate_limit.take()
            if wait_seconds:
                return error(429, "Too many deliveries a second.", "rate_limited", retry_after=str(wait_seconds))
        return None

    def is_stale(self, sent_at: datetime | None, now: datetime) -> bool:
        """Whether the signed body says that it was sent too long ago, or too far ahead."""
        rule = self.source.sent_at
        return rule is not None and bool(self.secrets) and sent_at is not None and not rule.is_fresh(sent_at, now)

    def __post_init__(self) -> None:
        """Let no source be served that nothing proves.

        Raises:
            ValueError: it has neither a signature nor a guard.

        """
        if self.source.signature is None and self.guard is None:
            message = f"nothing guards {self.source.name}"
            raise ValueError(message)


def utc_now() -> datetime:
    """The time of this machine's clock."""
    return datetime.now(UTC)


def _unauthentic() -> Reply:
    return error(_UNAUTHENTIC, "The signature is missing or does not match the body.", "unauthentic")
