"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a thing is: as it should be, worth a look, or broken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `advice` says what to do where it is not as it should be."""

    name: str
    status: Status
    detail: str
    advice: str | None = None


def ok(name: str, detail: str) -> Check:
    """A thing that is as it should be."""
    return Check(name, Status.OK, detail)


def warn(name: str, detail: str, advice: str) -> Check:
    """A thing that works, but is worth a look."""
    return Check(name, Status.WARN, detail, advice)


def fail(name: str, detail: str, advice: str) -> Check:
    """A thing that is broken."""
    return Check(name, Status.FAIL, detail, advice)


def age_text(seconds: float) -> str:
    """A length of time in the largest unit that fits: `45 s`, `12 min`, `3 h`, `8 days`."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
