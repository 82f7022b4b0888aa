"""The error families, by what the caller does.

EmAgentError
├── ConfigurationError      stop at start and say which setting to mend
├── UnauthenticError        401: the sender did not prove itself
├── ForbiddenError          403: known, but not allowed here
├── InvalidError            400 or 422: the request cannot be understood
├── TooLargeError           413
├── NotFoundError           404
├── ConflictError           409
├── RetriableError          back off and try again; 503 to a caller, nak to a queue
└── PermanentError          trying again cannot help: dead letter
"""


class EmAgentError(Exception):
    """Base of every error that EM Agent raises on purpose; its text is one sentence for the user."""


class ConfigurationError(EmAgentError):
    """A setting or a file of the installation is wrong; the text names it and the mend."""


class UnauthenticError(EmAgentError):
    """The sender's signature or key is missing or wrong."""


class ForbiddenError(EmAgentError):
    """The request is refused whoever sends it, e.g. because of its origin."""


class InvalidError(EmAgentError):
    """The request cannot be understood; the text says what to change."""


class TooLargeError(EmAgentError):
    """The request is longer than what is taken at once; the text says how much that is."""


class NotFoundError(EmAgentError):
    """The thing asked for does not exist."""


class ConflictError(EmAgentError):
    """The thing asked for is in a state, or in use, such that it cannot be done now."""


class RetriableError(EmAgentError):
    """Something that we depend on is away for the moment; the same call may work later."""


class PermanentError(EmAgentError):
    """The same call will never work: keep the input aside with this error."""
