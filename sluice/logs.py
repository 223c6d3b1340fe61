"""Structured logs, set up once: structlog and the standard library write the same lines."""

import logging
import sys

import structlog

from schemas.settings import Settings

QUIET = (
    "faust",
    "mode",
    "aiokafka",
    "uvicorn",
    "alembic",
    "httpx",
    "asyncio",
    "clickhouse_connect",
)
SILENT = ("clickhouse_connect", "urllib3")
"""What they warn of, they raise as well: it is logged where it is handled."""
# Without the values of variables: they hold API keys and users' prompts.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def set_up(settings: Settings) -> None:
    """Sends every log line to standard error, as the settings say."""
    level = getattr(logging, settings.log_level.upper())
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    ending: list[structlog.types.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *([_TRACEBACKS] if as_json else []),
        renderer,
    ]
    handler = logging.StreamHandler(sys.stderr)
    if level > logging.DEBUG:
        handler.addFilter(_is_worth_a_line)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=ending)
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.DEBUG if level == logging.DEBUG else logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Tells our lines, and warnings of libraries, from what libraries say of their daily work.

    By who wrote it, not by the logger's name: Faust's services log under the module of their
    class, which may be one of ours (`eventlog.transport`).
    """
    is_ours = isinstance(record.msg, dict)  # structlog's own, see `wrap_for_formatter`
    return is_ours or record.levelno >= logging.WARNING
