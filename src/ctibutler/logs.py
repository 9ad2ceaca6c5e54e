"""What servers and workers log: to standard error, as text or as JSON lines."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import msgspec

from ctibutler.settings import Settings
from ctibutler.stix.times import rfc3339


class JsonLines(logging.Formatter):
    """One JSON object a line; what a record carries in `fields` stands beside its message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
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


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to standard error as it is now: a progress bar that is shown puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.stream = sys.stderr
        super().emit(record)


def set_up_logs(settings: Settings, *, least: int = logging.NOTSET) -> None:
    """Log as the settings say; nothing below `least`."""
    handler = _StandardError()
    handler.setFormatter(
        JsonLines()
        if settings.log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
    )
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(handlers=[handler], level=max(level, least), force=True)
    # What they say at these levels is about themselves.
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "stamina"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
