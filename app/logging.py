"""Configures structured logs on stderr: one line for each record, also for those of libraries.

JSON lines by default, coloured text on a terminal; the request id is bound by the middleware.
"""

import logging
import logging.config
import sys
from typing import Any, Literal, get_args

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from app.contract.admin import LogLevel
from app.settings import Settings

_OWN = ("app", "nordlyd")
# Uvicorn logs this as an error for a refused WebSocket; the access log has the refusal already.
_REFUSED_HANDSHAKE = "ASGI callable returned without completing handshake."


def configure_logging(
    *, log_format: Literal["auto", "json", "console"] = "auto", level: str = "info"
) -> None:
    """Sends the records of structlog and of the standard library to stderr, in one form.

    Call it once, before the server starts; uvicorn must then run with `log_config=None`.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_colour,
    ]
    renderer: Processor
    if console:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        # Without local variables, which include headers with keys and transcripts.
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        shared.append(structlog.processors.ExceptionRenderer(traces))
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    logging.config.dictConfig(_standard_library(level, shared, renderer))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def configure_quiet_logging(settings: Settings) -> None:
    """Logs errors only, unless the settings enable debugging: for commands that run once."""
    level = "debug" if settings.log_level == "debug" else "error"
    configure_logging(log_format=settings.log_format, level=level)


def log_level() -> LogLevel:
    """Returns the level of the service's own loggers."""
    name = logging.getLevelName(logging.getLogger(_OWN[0]).getEffectiveLevel()).lower()
    return next(level for level in get_args(LogLevel) if level == name)


def set_log_level(level: LogLevel) -> None:
    """Changes the level of the service's own loggers; those of libraries follow to `debug`."""
    for name in _OWN:
        logging.getLogger(name).setLevel(level.upper())
    logging.getLogger().setLevel(_library_level(level))


def _library_level(level: str) -> str:
    """Libraries log only warnings and errors; `server` logs start and stop."""
    return "DEBUG" if level == "debug" else "WARNING"


def _standard_library(level: str, shared: list[Processor], renderer: Processor) -> dict[str, Any]:
    own = {"level": level.upper()}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "structured",
                "filters": ["refused_handshakes"],
            }
        },
        "filters": {"refused_handshakes": {"()": lambda: _is_relevant}},
        "root": {"handlers": ["stderr"], "level": _library_level(level)},
        "loggers": dict.fromkeys(_OWN, own),
    }


def _drop_colour(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:  # noqa: ARG001
    """Removes the copy of the message with terminal colours that uvicorn adds."""
    event.pop("color_message", None)
    return event


def _is_relevant(record: logging.LogRecord) -> bool:
    """Returns False for the record that uvicorn writes for each refused WebSocket."""
    return record.getMessage() != _REFUSED_HANDSHAKE
