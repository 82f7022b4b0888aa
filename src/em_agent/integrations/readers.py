"""Readers of what a delivery says of itself, from its document or from its headers; what is not there is None."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from em_agent.domain.times import parse_time

LONGEST_DELIVERY_ID = 200
# A longer one is no type that anybody meant; a message has to hold it beside the payload.
LONGEST_EVENT_TYPE = 1000

Document = Mapping[str, Any]
# By lower-case name, as ASGI has them.
Headers = Mapping[bytes, bytes]
NO_HEADERS: Headers = MappingProxyType({})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799  # of the year 9999

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Reader(Protocol[T_co]):
    """Gives one fact of a delivery, or None where it has none; raises at nothing."""

    def __call__(self, document: Document, headers: Headers = NO_HEADERS, /) -> T_co | None:
        """The fact."""
        ...


def text_at(*path: str, longest: int | None = None) -> Reader[str]:
    """A reader of the text at `path`; it gives None where there is none, or an empty or too long one."""

    def read(document: Document, _: Headers = NO_HEADERS, /) -> str | None:
        value = value_at(document, path)
        if isinstance(value, str) and value and (longest is None or len(value) <= longest):
            return value
        return None

    return read


def header(name: str, *, longest: int | None = None) -> Reader[str]:
    """A reader of the header of that name, in lower case; it gives None for none, and an empty or too long one."""
    key = name.encode()

    def read(_: Document, headers: Headers = NO_HEADERS, /) -> str | None:
        value = headers.get(key, b"").decode("latin-1").strip()
        return value if value and (longest is None or len(value) <= longest) else None

    return read


def time_at(*path: str) -> Reader[datetime]:
    """A reader of the time at `path`, in UTC; it gives None where there is no valid one."""
    return lambda document, _=NO_HEADERS, /: parse_time(value_at(document, path))


def seconds_at(*path: str, scale: int = 1) -> Reader[datetime]:
    """A reader of the time at `path` as a number of seconds since 1970, or of `scale` parts of a second."""

    def read(document: Document, _: Headers = NO_HEADERS, /) -> datetime | None:
        value = value_at(document, path)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        seconds = value / scale
        return _EPOCH + timedelta(seconds=seconds) if 0 < seconds < _LAST_SECOND else None

    return read


def milliseconds_at(*path: str) -> Reader[datetime]:
    """A reader of the time at `path` as a number of milliseconds since 1970."""
    return seconds_at(*path, scale=1000)


def first_of(*readers: Reader[T]) -> Reader[T]:
    """A reader of what the first of the readers gives that gives something."""

    def read(document: Document, headers: Headers = NO_HEADERS, /) -> T | None:
        for reader in readers:
            value = reader(document, headers)
            if value is not None:
                return value
        return None

    return read


def joined(*readers: Reader[str], needed: int, longest: int = LONGEST_EVENT_TYPE) -> Reader[str]:
    """A reader of the texts with dots between, as far as there are any; None where fewer than `needed` begin it."""

    def read(document: Document, headers: Headers = NO_HEADERS, /) -> str | None:
        parts: list[str] = []
        for reader in readers:
            part = reader(document, headers)
            if part is None:
                break
            parts.append(part)
        text = ".".join(parts)
        return text if len(parts) >= needed and len(text) <= longest else None

    return read


def value_at(document: object, path: Sequence[str]) -> object:
    """What stands at `path`, None where there is no such place."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


Check = Callable[[Document], None]
