"""Parameters that several routes share."""

from zoneinfo import ZoneInfo

from em_agent.api.backend import Backend
from em_agent.errors import InvalidError


def timezone_of(backend: Backend, name: str | None) -> ZoneInfo:
    """The zone of that name, else the installation's.

    Raises:
        InvalidError: there is no such zone.

    """
    if not name:
        return backend.timezone
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = "timezone is no time zone: use an IANA name such as Europe/Berlin."
        raise InvalidError(message) from error
