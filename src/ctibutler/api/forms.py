"""The forms of lists: JSON pages, or the whole list as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import cast

from starlette.responses import Response

from ctibutler.answers.tables.closures import Closure
from ctibutler.answers.tables.table import Table
from ctibutler.forms.table_forms import TABLE_FORMS, FormOptions, TableForm
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.http.responses import attachment, stream
from ctibutler.http.routing import Endpoint

JSON, LAYER, STIX = "json", "layer", "stix"
SHEETS = tuple(name for name, form in TABLE_FORMS.items() if form.of_any_table)
OF_OBJECTS: tuple[Closure, ...] = ("none", "full")
OF_ANSWERS: tuple[Closure, ...] = ("evidence", "none", "full")

MISSING = "X-Missing-References"
_MOST_NAMED = 50
_BOM = Parameter("bom", "flag", "Begin CSV with a byte order mark, for old versions of Excel.", default=False)


def with_forms(
    endpoint: Endpoint, columns: Iterable[str] = (), *, closures: Sequence[Closure] = (), others: Sequence[str] = ()
) -> Endpoint:
    """Return the endpoint of a list with the parameters and media types of all forms. `columns` are those that its tables
    can have; empty where that depends on the request. `closures` are those of its bundles, the default first; none where it
    has no bundles. `others` are names of forms that not every list has."""
    names = (*SHEETS, *others, *([STIX] if closures else []))
    forms = [TABLE_FORMS[name] for name in names]
    known = tuple(columns)
    parameters = [
        Parameter(
            "format",
            "choice",
            "Form of the answer. Forms other than `json` hold the whole list, not a page. Default: what `Accept` prefers.",
            allowed=(JSON, *names),
        ),
        _BOM,
        Parameter(
            "columns",
            "csv",
            "Columns of the table, in this order; JSON has none. Default: those of the objects in it.",
            allowed=known,
            example=next(iter(known), "stix_id"),
        ),
        *([_closure(closures)] if closures else []),
    ]
    return replace(
        endpoint,
        parameters=(*endpoint.parameters, *parameters),
        variants=(*endpoint.variants, *(form.media_type for form in forms if form.accepted)),
    )


def _closure(closures: Sequence[Closure]) -> Parameter:
    return Parameter(
        "closure",
        "choice",
        "What a STIX bundle holds: `none` the rows alone"
        + (", `evidence` also what was asked about and the relationships" if "evidence" in closures else "")
        + f", `full` also all that these refer to. The header `{MISSING}` names what no installed release has.",
        default=closures[0],
        allowed=tuple(closures),
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
    accepted = (form for form in TABLE_FORMS.values() if form.accepted)
    return next((form for form in accepted if form.media_type == request.media_type), None)


def _file(request: Request, form: TableForm, table: Table) -> Response:
    values = request.values
    closure = cast("Closure", values.choice("closure")) if values.has("closure") else None
    written = form.written(table, FormOptions(bom=values.flag("bom"), closure=closure))
    headers = attachment(f"{table.name}{written.extension or form.extension}")
    if written.missing:
        headers[MISSING] = ", ".join(written.missing[:_MOST_NAMED])
        headers[f"{MISSING}-Count"] = str(len(written.missing))
    return stream(request, written.chunks, written.media_type or form.content_type, headers)
