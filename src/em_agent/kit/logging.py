"""Structured logs: one JSON object a line on standard error."""

import logging
import sys

import orjson
import structlog


def _render(_logger: object, _name: str, event: structlog.typing.EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


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
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
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
