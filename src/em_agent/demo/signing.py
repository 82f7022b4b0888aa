"""The headers of a delivery: signed as PagerDuty signs, and as a stranger would."""

import hashlib
import hmac
from collections.abc import Callable, Sequence

SIGNATURE = "X-PagerDuty-Signature"
STRANGER = "not-the-secret"


def headers_for(body: bytes, secrets: Sequence[str], *, subscription: str, webhook_id: str) -> dict[str, str]:
    """Everything that PagerDuty sends beside the body, with a signature for each active secret."""
    return {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "PagerDuty-Webhook/V3.0",
        "X-Webhook-Id": webhook_id,
        "X-Webhook-Subscription": subscription,
        SIGNATURE: ",".join(f"v1={sign(body, secret)}" for secret in secrets),
    }


def sign(body: bytes, secret: str) -> str:
    """HMAC-SHA256 of the raw body in lower-case hex."""
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def active_secrets(secrets: Sequence[str], age: float) -> Sequence[str]:
    """The secrets in use when `age` (0 to 1) of the time has passed; `secrets` holds the newest first.

    Each takes over from the next older one, and for a while both sign.
    """
    if len(secrets) == 1:
        return secrets
    turns = len(secrets) - 1
    for turn in range(turns):
        centre = (turn + 1) / (turns + 1)
        newer = turns - 1 - turn
        if age < centre - _OVERLAP:
            return secrets[newer + 1 : newer + 2]
        if age < centre + _OVERLAP:
            return secrets[newer : newer + 2]
    return secrets[:1]


_OVERLAP = 0.1

# What the signature header of a forged delivery says; None leaves the header out.
FORGERIES: tuple[Callable[[bytes, str], str | None], ...] = (
    lambda body, _: f"v1={sign(body, STRANGER)}",
    lambda _body, _: None,
    lambda _body, _: "",
    lambda _body, _: "v1=",
    sign,
    lambda body, secret: f"v0={sign(body, secret)}",
    lambda body, secret: f"sha256={sign(body, secret)}",
    lambda body, secret: f"v1={sign(body + b' ', secret)}",
    lambda body, secret: f"v1={sign(body, secret)[:-1]}",
    lambda body, _: f"v1={sign(body, STRANGER)},v1={'0' * 64}",
    lambda _body, _: "v1=" + "g" * 64,
)
