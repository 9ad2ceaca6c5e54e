"""The log, for people and for machines."""

from __future__ import annotations

import json
import logging

from ctibutler.logs import JsonLines


def test_a_line_for_machines_is_one_json_object() -> None:
    record = logging.LogRecord("ctibutler.api", logging.INFO, __file__, 1, "GET %s", ("/x",), None)
    record.fields = {"status": 200}
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["status"], line["level"]) == ("GET /x", 200, "info")
