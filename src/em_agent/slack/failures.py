"""What Slack answers when it does not do what it is asked to, by what we do about it."""

from collections.abc import Mapping

from em_agent.errors import PermanentError, RetriableError

NO_TOKEN = "missing_token"  # noqa: S105 - a word for that there is none
NO_CHANNEL = "no_channel"
# Everything that this token asks for is refused, until somebody sets another one.
TOKEN_ERRORS = frozenset({
    "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "org_login_required",
    "ekm_access_denied", "team_access_not_granted", NO_TOKEN,
})  # fmt: skip
# The same call may work later.
PASSING = frozenset({
    "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable",
    "request_timeout", "team_added_to_org", "accesslimited",
})  # fmt: skip
# The message is at fault, not the place that it was for.
OF_THE_MESSAGE = frozenset({
    "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_arguments",
    "too_many_attachments", "thread_not_found", "metadata_too_large", "invalid_metadata_format",
})  # fmt: skip
LONGEST_PAUSE_SECONDS = 600.0


class SlackAwayError(RetriableError):
    """Slack does not answer, or asks to wait; `may_have_arrived` says whether the message may be there all the same."""

    def __init__(
        self, reason: str, *, retry_after_seconds: float | None = None, may_have_arrived: bool = False
    ) -> None:
        """Say the reason, and when to come again where Slack said so."""
        super().__init__(f"Slack does not take it now: {reason}.")
        self.retry_after_seconds = retry_after_seconds
        self.may_have_arrived = may_have_arrived


class SlackRefusedError(PermanentError):
    """Slack refuses this for good; `code` is its word for the reason."""

    def __init__(self, code: str) -> None:
        """Say the reason."""
        super().__init__(f"Slack refuses it: {code}.")
        self.code = code


class SlackTokenError(SlackAwayError):
    """The token is refused, or lacks: nothing works before somebody sets one that does."""

    def __init__(self, code: str) -> None:
        """Say the reason."""
        super().__init__(code)
        self.code = code


def failure_of(code: str, status: int, headers: Mapping[str, str]) -> SlackAwayError | SlackRefusedError:
    """The error for what Slack said, by the code in its answer and the HTTP status."""
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        return SlackAwayError("rate limited", retry_after_seconds=pause_of(headers) or 1.0)
    if code in TOKEN_ERRORS:
        return SlackTokenError(code)
    if code in PASSING:
        return SlackAwayError(code, retry_after_seconds=pause_of(headers))
    if status >= 500:  # noqa: PLR2004 - Slack's own mistake
        return SlackAwayError(f"status {status}", retry_after_seconds=pause_of(headers), may_have_arrived=True)
    return SlackRefusedError(code)


def pause_of(headers: Mapping[str, str]) -> float | None:
    """The seconds that Slack asks to wait; None when it does not say."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(said)
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS) if seconds == seconds else None  # noqa: PLR0124 - not a number
