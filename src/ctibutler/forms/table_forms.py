"""The forms that tables can be had in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.answers.tables.closures import Closure, table_bundle
from ctibutler.answers.tables.table import Table
from ctibutler.errors import InvalidRequest
from ctibutler.forms import layer_archive
from ctibutler.forms.atom_form import table_as_atom
from ctibutler.forms.csv_form import table_as_csv
from ctibutler.forms.layer_archive import layers_as_zip
from ctibutler.forms.markdown_form import table_as_markdown
from ctibutler.forms.navigator_layer import table_as_layer
from ctibutler.forms.ndjson_form import table_as_ndjson
from ctibutler.forms.stix_bundle import table_as_bundle


@dataclass(frozen=True, slots=True)
class FormOptions:
    """How a table is written: `bom` begins CSV with a byte order mark, `closure` says how much a bundle holds; None for the
    default of the table."""

    bom: bool = False
    closure: Closure | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A table in a form, in chunks. `missing` are ids that a bundle refers to and that no installed release has. `media_type`
    and `extension` are those of a file that holds several; None for those of the form."""

    chunks: Iterator[bytes]
    missing: Sequence[str] = ()
    media_type: str | None = None
    extension: str | None = None


@dataclass(frozen=True)
class TableForm:
    """A form: its name in `format`, its media type, the extension of its files, and what writes a table. `fits` tells which
    tables can have it; one that is `of_any_table` always does. A form that is not `accepted` is had by its name alone, not by
    its media type."""

    name: str
    media_type: str
    extension: str
    write: Callable[[Table, FormOptions], Written]
    is_text: bool = True
    fits: Callable[[Table], bool] = lambda _: True
    accepted: bool = True
    of_any_table: bool = True

    def written(self, table: Table, options: FormOptions = FormOptions()) -> Written:
        """Return a table in this form.

        Raises InvalidRequest if it does not fit the table.
        """
        if not self.fits(table):
            fitting = ", ".join(["json", *(form.name for form in TABLE_FORMS.values() if form.fits(table))])
            raise InvalidRequest.of("format", f"`{self.name}` does not fit these rows; these do: {fitting}.")
        return self.write(table, options)

    @property
    def content_type(self) -> str:
        """The header `Content-Type`."""
        return f"{self.media_type}; charset=utf-8" if self.media_type.startswith("text/") else self.media_type


def _plain(write: Callable[[Table], Iterator[bytes]]) -> Callable[[Table, FormOptions], Written]:
    """What writes a table in one way only."""
    return lambda table, _: Written(write(table))


def _workbook(table: Table) -> Iterator[bytes]:
    from ctibutler.forms.workbook import table_as_workbook  # late: XlsxWriter takes a while to import

    return table_as_workbook(table)


def _layer(table: Table, _: FormOptions) -> Written:
    if table.layers is None:
        return Written(table_as_layer(table))
    return Written(layers_as_zip(table), media_type=layer_archive.MEDIA_TYPE, extension=layer_archive.EXTENSION)


def _bundle(table: Table, options: FormOptions) -> Written:
    assert table.objects is not None
    closure = options.closure or table.objects.closures[0]
    if closure not in table.objects.closures:
        raise InvalidRequest.of("closure", f"`{closure}` is none of {', '.join(table.objects.closures)}.")
    bundle = table_bundle(table.objects, f"{table.name} {sorted(table.facts.items())}", closure)
    return Written(table_as_bundle(bundle), bundle.missing)


TABLE_FORMS: Mapping[str, TableForm] = {
    form.name: form
    for form in (
        TableForm("ndjson", "application/x-ndjson", ".ndjson", _plain(table_as_ndjson)),
        TableForm("csv", "text/csv", ".csv", lambda table, options: Written(table_as_csv(table, bom=options.bom))),
        TableForm(
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ".xlsx",
            _plain(_workbook),
            is_text=False,
        ),
        TableForm("md", "text/markdown", ".md", _plain(table_as_markdown)),
        TableForm(
            "layer",
            "application/json",
            ".layer.json",
            _layer,
            fits=lambda table: table.layer is not None,
            accepted=False,
            of_any_table=False,
        ),
        TableForm(
            "stix",
            "application/stix+json",
            ".stix.json",
            _bundle,
            fits=lambda table: table.objects is not None,
            of_any_table=False,
        ),
        TableForm(
            "atom",
            "application/atom+xml",
            ".atom",
            _plain(table_as_atom),
            fits=lambda table: table.feed is not None,
            of_any_table=False,
        ),
    )
}
"""By name."""
