"""Tables as lines of JSON: each row as it is in a JSON list."""

from __future__ import annotations

from collections.abc import Iterator

from ctibutler.answers.tables.table import Table
from ctibutler.forms.json_form import record_as_json


def table_as_ndjson(table: Table) -> Iterator[bytes]:
    """Yield the items of the table, one a line."""
    for row in table.rows:
        yield record_as_json(row.item) + b"\n"
