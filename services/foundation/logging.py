"""The technical log: for a person or for a machine, and never a name, an address, a token or the text of an error."""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from models.refusals import CaseworkError

PERSONAL: Final = frozenset(
    [
        "name",
        "first_name",
        "last_name",
        "surname",
        "civility",
        "email",
        "address",
        "postal_address",
        "to",
        "sender",
        "recipient",
        "recipients",
        "phone",
        "number",
        "subject",
        "body",
        "text",
        "note",
        "comment",
        "password",
        "token",
        "authorization",
        "cookie",
        "client_addr",
        "ip",
        "url",
        "query",
        "params",
    ]
)
"""Keys that are dropped, wherever they come from. What is logged is a reference, a code, a count or a duration."""
FRAMES: Final = 6
_ACCESS: Final = "uvicorn.access"
_SECRET_PAGE: Final = re.compile(r"^/(l|demande)/[^/]+")
_LONG_SEGMENT: Final = re.compile(r"[\w.\-~%]{40,}")  # longer than a UUID: some kind of token


def configure(form: Literal["console", "json"], *, level: int = logging.INFO) -> None:
    """Send every log of this process to standard error in one form; replaces what was configured before."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        access,
        where_not_what,
        redact,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            pass_foreign_args=True,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpx2", "httpcore", "httpcore2", "aiosmtplib", "mail.log", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for own_way in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(own_way)
        logger.handlers.clear()
        logger.propagate, logger.disabled = True, False
        logger.setLevel(logging.NOTSET)


def access(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Turn a line of uvicorn's access log into method, path and status: no address, no query, no token."""
    arguments = entry.pop("positional_args", None)
    record = entry.get("_record")
    if isinstance(record, logging.LogRecord) and record.name == _ACCESS and arguments:
        _client, method, target, _version, status = arguments
        entry.update(event="request", method=method, path=masked(str(target)), status=status)
    return entry


def where_not_what(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Replace an exception by its class and place: its text may quote the parameters of a query.

    Only our own refusals keep their sentence, which by contract names nobody.
    """
    given = entry.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    record = entry.get("_record")
    if isinstance(record, logging.LogRecord):
        record.exc_info = record.exc_text = None
    if isinstance(error, BaseException):
        entry["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        entry["at"] = _places(error.__traceback__)
        if isinstance(error, CaseworkError):
            entry["sentence"] = error.sentence
    return entry


def redact(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Drop personal keys at every depth."""
    kept: EventDict = _without_personal_keys(entry)
    return kept


def masked(target: str) -> str:
    """A path that may be logged: without its query, and without the tokens that open a page."""
    path = target.partition("?")[0]
    return _LONG_SEGMENT.sub("***", _SECRET_PAGE.sub(r"/\1/***", path))


def _without_personal_keys(value: Any) -> Any:
    if isinstance(value, MutableMapping):
        return {
            key: each if key in {"_record", "_from_structlog"} else _without_personal_keys(each)
            for key, each in value.items()
            if key not in PERSONAL
        }
    if isinstance(value, list | tuple):
        return [_without_personal_keys(each) for each in value]
    return value


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def _renderer(form: Literal["console", "json"]) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
