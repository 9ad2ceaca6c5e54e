"""The forms that every table can be had in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ctibutler.answers.tables.table import Table
from ctibutler.forms.csv_form import table_as_csv
from ctibutler.forms.markdown_form import table_as_markdown
from ctibutler.forms.ndjson_form import table_as_ndjson


@dataclass(frozen=True)
class TableForm:
    """A form: its name in `format`, its media type, the extension of its files, and what writes a table."""

    name: str
    media_type: str
    extension: str
    write: Callable[[Table], Iterator[bytes]]
    is_text: bool = True

    def written(self, table: Table) -> Iterator[bytes]:
        """Yield a table in this form, in chunks."""
        return self.write(table)

    @property
    def content_type(self) -> str:
        """The header `Content-Type`."""
        return f"{self.media_type}; charset=utf-8" if self.is_text else self.media_type


def _workbook(table: Table) -> Iterator[bytes]:
    from ctibutler.forms.workbook import table_as_workbook  # late: XlsxWriter takes a while to import

    return table_as_workbook(table)


TABLE_FORMS: Mapping[str, TableForm] = {
    form.name: form
    for form in (
        TableForm("ndjson", "application/x-ndjson", ".ndjson", table_as_ndjson),
        TableForm("csv", "text/csv", ".csv", table_as_csv),
        TableForm(
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ".xlsx",
            _workbook,
            is_text=False,
        ),
        TableForm("md", "text/markdown", ".md", table_as_markdown),
    )
}
"""By name."""
