"""The log, as text and as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

import ctibutler.publishers.web.download  # noqa: F401 - sets the level of the libraries that it uses
from ctibutler.logs import JsonLines, set_up_logs
from ctibutler.settings import Settings


@pytest.fixture
def root_log() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # or `basicConfig` closes those of the test runner
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_line_in_json_is_one_object() -> None:
    record = logging.LogRecord("ctibutler.api", logging.INFO, __file__, 1, "GET %s", ("/x",), None)
    record.fields = {"status": 200}
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["status"], line["level"]) == ("GET /x", 200, "info")


@pytest.mark.parametrize("level", ["debug", "warning"])
def test_the_libraries_that_download_stay_quiet_at_every_level(root_log: logging.Logger, level: str) -> None:
    set_up_logs(Settings(log_level=level))  # type: ignore[arg-type]
    assert root_log.level == getattr(logging, level.upper())
    # URLs may hold keys, and `stamina` would log each retry a second time.
    assert not logging.getLogger("httpx2").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore2.connection").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("stamina").isEnabledFor(logging.WARNING)
