"""What can go wrong with an answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

Answer = Callable[[], Response]


@dataclass
class Fault:
    """Spoils the answers to some requests: those to `path` (a pattern), after `skip` of them, `times` times."""

    kind: str
    path: str = ".*"
    skip: int = 0
    times: int = 1
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    spoiled: int = 0
    _met: int = 0

    def strikes(self, path: str) -> bool:
        """Whether this request is one that it spoils."""
        if not re.fullmatch(self.path, path):
            return False
        self._met += 1
        if self._met <= self.skip or self.spoiled >= self.times:
            return False
        self.spoiled += 1
        return True


def fail(status: int = 500, *, html: bool = False, **rule: Any) -> Fault:
    """An answer with that status, empty or in HTML."""
    body = b"<html><body><h1>Bad Gateway</h1></body></html>" if html else b""
    headers = {"content-type": "text/html"} if html else {}
    return Fault("status", status=status, body=body, headers=headers, **rule)


def say(status: int, body: bytes, headers: Mapping[str, str] | None = None, **rule: Any) -> Fault:
    """An answer with that status, body and headers."""
    return Fault("status", status=status, body=body, headers=headers or {}, **rule)


def garble(**rule: Any) -> Fault:
    """The true answer's JSON, cut in the middle, as a whole body."""
    return Fault("garble", **rule)


def cut(**rule: Any) -> Fault:
    """The true answer, of which half is sent before the connection breaks."""
    return Fault("cut", **rule)


def reset(**rule: Any) -> Fault:
    """No answer: the connection breaks."""
    return Fault("reset", **rule)


def hang(seconds: float, **rule: Any) -> Fault:
    """The true answer, late."""
    return Fault("hang", seconds=seconds, **rule)
