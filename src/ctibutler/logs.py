"""Logging of servers and workers to standard error, as text or JSON lines."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import msgspec

from ctibutler.settings import Settings
from ctibutler.stix.times import rfc3339


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON, with the record's `fields` beside its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        entry: dict[str, object] = {
            "time": rfc3339(int(record.created * 1_000_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry, enc_hook=str).decode()


class _Lines(logging.Formatter):
    """Formats records for people. The time is written once for all records of a second."""

    _second = -1
    _time = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the time of a record."""
        second = int(record.created)
        if second != self._second:
            self._second, self._time = second, super().formatTime(record, datefmt)
        return self._time


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to the current standard error, which a progress bar replaces while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.stream = sys.stderr
        super().emit(record)


def set_up_logs(settings: Settings, *, least: int = logging.NOTSET) -> None:
    """Log to standard error as configured, but nothing below the level `least`."""
    handler = _StandardError()
    handler.setFormatter(
        JsonLines()
        if settings.log_format == "json"
        else _Lines("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
    )
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(handlers=[handler], level=max(level, least), force=True)
