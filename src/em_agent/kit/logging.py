"""Structured logs: one JSON object a line on standard error."""

import asyncio
import contextlib
import logging
import sys
import time
from datetime import UTC, datetime

import orjson
import structlog

# What fails is tried again much sooner than anybody wants to read of it.
SAY_AGAIN_SECONDS = 60.0


class Seldom:
    """Says whether to write a line that would be the same again and again."""

    def __init__(self) -> None:
        """The first may be written."""
        self._said_at: float | None = None

    def may_say(self) -> bool:
        """Whether the last one that was allowed is long enough ago."""
        now = time.monotonic()
        if self._said_at is not None and now - self._said_at < SAY_AGAIN_SECONDS:
            return False
        self._said_at = now
        return True

    def is_over(self) -> bool:
        """Whether something had been written whose end is worth a line, now that things are well: the next is news."""
        had_said = self._said_at is not None
        self._said_at = None
        return had_said


class _Renderer:
    """Makes the line: one call for what would be a chain of them, since every delivery writes a line."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._second, self._second_text = 0, ""

    def __call__(self, _logger: object, level: str, event: structlog.typing.EventDict) -> str:
        line = {"at": self._now(), "level": level, "role": self._role, **event}
        if line.get("exc_info"):
            line = dict(structlog.processors.format_exc_info(_logger, level, line))
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()

    def _now(self) -> str:
        """The time to the millisecond; what the lines of one second share is written once."""
        second, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{milliseconds:03d}Z"


class _Lines:
    """Writes what one turn of the event loop logs by one system call; outside of a loop each line at once."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def msg(self, line: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            _write([line])
            return
        if not self._lines:
            loop.call_soon(self._flush)
        self._lines.append(line)

    debug = info = warning = error = critical = msg

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        _write(lines)


def _write(lines: list[str]) -> None:
    with contextlib.suppress(OSError):  # whoever read the log is gone: that is no reason to stop
        sys.stderr.write("\n".join([*lines, ""]))
        sys.stderr.flush()


def configure_logging(level: str, role: str) -> None:
    """Send every log line of this process, libraries' included, through structlog as JSON with the role's name."""
    lines, render = _Lines(), _Renderer(role)
    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ForeignFormatter(render))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _ForeignFormatter(logging.Formatter):
    """Writes what a library logs as a line of ours."""

    def __init__(self, render: _Renderer) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        event = {"event": record.getMessage(), "logger": record.name, "exc_info": record.exc_info}
        return self._render(None, record.levelname.lower(), {key: value for key, value in event.items() if value})
