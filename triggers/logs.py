"""Log lines: one JSON object each, with the correlation id of what they belong to, and no secrets.

The Functions worker sends a record to the host as the text that its handler's formatter makes, so
the fields that `extra=` gives reach the log only as a part of that text.
"""

import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import orjson
from pythonjsonlogger.core import LogData
from pythonjsonlogger.orjson import OrjsonFormatter

from services.masking import mask_json

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
NOISY = ("psycopg.pool", "azure.identity", "azure.core")

_correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class MaskingFormatter(OrjsonFormatter):
    """time, level, logger, message, correlation_id, what `extra` gave, and the traceback."""

    def __init__(self) -> None:
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            timestamp="time",
        )

    def jsonify_log_record(self, log_data: LogData) -> str:
        """As the answers have it: times with Z."""
        option = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
        return orjson.dumps(log_data, default=self.json_default, option=option).decode()

    def format(self, record: logging.LogRecord) -> str:
        record.correlation_id = _correlation_id.get()
        return mask_json(super().format(record))


def configure() -> None:
    """Give the handlers that the host installed our formatter; called once, at import."""
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setFormatter(MaskingFormatter())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def correlation_id() -> str | None:
    """The id of what is being served here and now."""
    return _correlation_id.get()


@contextmanager
def correlation(given: str | None = None) -> Iterator[str]:
    """Everything logged inside carries this id: the caller's where it is sane, else a new one.

    It is reset at the end, since a pool thread keeps its context for the next request.
    """
    chosen = given if given and SANE_ID.fullmatch(given) else _new_id()
    token = _correlation_id.set(chosen)
    try:
        yield chosen
    finally:
        _correlation_id.reset(token)


def _new_id() -> str:
    """Unlike any other, but no secret: asking the system for each costs more than the rest."""
    return f"{random.getrandbits(128):032x}"
