"""How a question to PagerDuty can fail for good.

An error of these families says all that a user needs: UnauthenticError for a refused token, and those below.
"""

from em_agent.errors import ForbiddenError, NotFoundError, PermanentError, RetriableError


class NotPermittedError(ForbiddenError):
    """The token is good, but may not read this: 402 where the plan lacks it, 403 where the scope or the role does."""


class GoneError(NotFoundError):
    """PagerDuty has no such thing, or no longer."""


class RefusedError(PermanentError):
    """PagerDuty does not understand the question; `code` is its own number for the reason."""

    def __init__(self, message: str, code: int | None = None) -> None:
        """Say what was refused."""
        super().__init__(message)
        self.code = code


class UnavailableError(RetriableError):
    """PagerDuty does not answer properly, or not now, however often it is asked."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        """Say when to come again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
