"""Structured logs: one line per fact, with the request's id and organization."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(style: str, level: str = "INFO") -> None:
    """Sends structlog and the standard library's loggers to stderr, from ``level`` up; ``style`` is
    console or json."""
    least = logging.getLevelNamesMapping()[level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if style == "console" else "iso", utc=style != "console"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)
        if style == "console"
        else structlog.processors.JSONRenderer()
    )
    if style != "console":
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for name, quieter in (
        ("werkzeug", logging.WARNING),
        ("flask_appbuilder", logging.ERROR),
        ("alembic", logging.WARNING),
        ("engineio", logging.WARNING),
        ("socketio", logging.WARNING),
        ("rq", logging.WARNING),
        ("botocore", logging.WARNING),
        ("httpx", logging.WARNING),
        ("mail.log", logging.WARNING),  # of aiosmtpd: who writes to whom is nobody's business here
    ):
        logging.getLogger(name).setLevel(max(least, quieter))
