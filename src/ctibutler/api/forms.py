"""The forms of lists: JSON pages, or the whole list as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from starlette.responses import Response

from ctibutler.answers.tables.table import Table
from ctibutler.forms.csv_form import table_as_csv
from ctibutler.forms.table_forms import TABLE_FORMS, TableForm
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment, stream
from ctibutler.http.routing import Endpoint

JSON = "json"

MEDIA_TYPES = tuple(form.media_type for form in TABLE_FORMS.values())

FORM_PARAMETERS = (
    Parameter(
        "format",
        "choice",
        "Form of the answer. Forms other than `json` hold the whole list, not a page. Default: what `Accept` prefers.",
        allowed=(JSON, *TABLE_FORMS),
    ),
    Parameter("bom", "flag", "Begin CSV with a byte order mark, for old versions of Excel.", default=False),
)


def with_forms(endpoint: Endpoint, columns: Iterable[str] = ()) -> Endpoint:
    """Return the endpoint of a list with the parameters and media types of all forms. `columns` are those that its tables
    can have; empty where that depends on the request."""
    known = tuple(columns)
    chosen = Parameter(
        "columns",
        "csv",
        "Columns of the table, in this order; JSON has none. Default: those of the objects in it.",
        allowed=known,
        example=next(iter(known), "stix_id"),
    )
    return replace(
        endpoint,
        parameters=(*endpoint.parameters, *FORM_PARAMETERS, chosen),
        variants=(*endpoint.variants, *MEDIA_TYPES),
    )


def in_form(request: Request, page: Callable[[], Response], table: Callable[[list[str] | None], Table]) -> Response:
    """Return the list in the form that the request asks for. `table` takes the names of the columns, None for all."""
    form = _form(request)
    return page() if form is None else _file(request, form, table(request.values.csv("columns")))


def _form(request: Request) -> TableForm | None:
    """The form that `format` names, else the one that `Accept` prefers to JSON; None for JSON."""
    asked = request.values.text("format")
    if asked is not None:
        return TABLE_FORMS.get(asked)
    return next((form for form in TABLE_FORMS.values() if form.media_type == request.media_type), None)


def _file(request: Request, form: TableForm, table: Table) -> Response:
    headers = attachment(f"{table.name}{form.extension}")
    bom = form.name == "csv" and request.values.flag("bom")
    chunks = table_as_csv(table, bom=True) if bom else form.write(table)
    return stream(request, chunks, form.content_type, headers)
