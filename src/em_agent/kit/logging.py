"""Structured logs: one JSON object a line on standard error."""

import asyncio
import contextlib
import logging
import sys

import orjson
import structlog


def _render(_logger: object, _name: str, event: structlog.typing.EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


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
    number = logging.getLevelName(level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    lines = _Lines()
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=_render_foreign(role), foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _render_foreign(role: str) -> structlog.typing.Processor:
    def render(logger: object, name: str, event: structlog.typing.EventDict) -> str:
        public = {key: value for key, value in event.items() if not key.startswith("_")}
        return _render(logger, name, {"role": role, **public})

    return render
