"""Log records as lines, for people or for programs.

The framework logs through :mod:`logging`, under the name ``aide_de_camp``, and never a payload
(clause DEC-6). Facts that programs may want stand beside the words, as extra fields whose names
begin with ``adc_``: ``adc_job_id``, ``adc_job_type``, ``adc_queue``, ``adc_worker``,
``adc_retries``, ``adc_outcome`` and ``adc_error``. A runner that is asked to log what exceptions
say adds ``adc_error_message`` and ``adc_traceback``.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

_TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_PREFIX: Final = "adc_"
_TRACEBACK: Final = "adc_traceback"


class TextFormatter(logging.Formatter):
    """One line per record, its time in UTC; a traceback follows where there is one."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; what could steer a terminal is escaped in a job's traceback."""
        line = super().format(record)
        traceback = record.__dict__.get(_TRACEBACK)
        return f"{line}\n{_safe(traceback.rstrip())}" if isinstance(traceback, str) else line

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 (logging's name)
        """Write a record's time as ISO 8601 in UTC, with offset."""
        return _iso(record.created)


class JsonFormatter(logging.Formatter):
    """One JSON object per record and line.

    Its fields are ``time`` (ISO 8601 in UTC, with offset), ``level``, ``logger``, ``message``,
    every ``adc_*`` extra, and ``traceback`` where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        fields: dict[str, Any] = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {k: v for k, v in record.__dict__.items() if k.startswith(_PREFIX)}
        traceback = fields.pop(_TRACEBACK, None)
        if traceback is not None:
            fields["traceback"] = traceback
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def log_to_stderr(level: int, formatter: logging.Formatter, names: Iterable[str]) -> None:
    """Have the process's log records written to stderr.

    Args:
        level: the least level of the loggers named.
        formatter: how they are written.
        names: whose level it is: ``aide_de_camp`` and the application's own packages. Other
            libraries get no finer than INFO, since drivers write the parameters of their
            statements at DEBUG, payloads among them (clause DEC-6).
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(max(level, logging.INFO))
    for name in names:
        logging.getLogger(name).setLevel(level)


def _safe(text: str) -> str:
    return "".join(
        each if each in "\n\t" or each.isprintable() else ascii(each)[1:-1] for each in text
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
