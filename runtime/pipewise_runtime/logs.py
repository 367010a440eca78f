"""Logs: one JSON line per event on stderr, with fields that are known to be harmless.

Secrets are never given to the log; should one slip in under a telling name, it is blanked here.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_WORDS = ("token", "secret", "password", "authorization", "header", "arguments", "credential")
_BLANK = "(not logged)"
_QUIET = ("httpx2", "httpcore2", "asyncio")

Event = MutableMapping[str, Any]


def configure(level: str) -> None:
    """Send all logs, those of libraries too, to stderr as JSON.

    Args:
        level: debug, info, warning or error.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redacted,
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer(default=str)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _redacted(_logger: object, _method: str, event: Event) -> Event:
    """Blank text under names that tell of secrets; numbers and times are harmless."""
    for name, value in event.items():
        if name != "event" and isinstance(value, str) and name in _SECRET_WORDS:
            event[name] = _BLANK
    return event
