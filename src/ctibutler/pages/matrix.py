"""The page of a matrix, and its other forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from ctibutler.answers.matrix import Matrix, MatrixCell, MatrixQuery, MatrixTactic, make_matrix
from ctibutler.answers.tables.matrix_tables import Placed, layer_of_matrix, matrix_table, set_name
from ctibutler.forms.csv_form import table_as_csv
from ctibutler.forms.json_form import record_as_json
from ctibutler.forms.navigator_layer import technique_layer_file
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.matrices import MatrixForm, matrix_form
from ctibutler.pages import addresses
from ctibutler.pages.matrix_cells import CHANGE_LETTERS, CellInView, TacticInView
from ctibutler.pages.matrix_drawing import drawn
from ctibutler.pages.releases_in_view import in_release, title_of, with_query
from ctibutler.pages.templating import Form, Frame, OtherRelease, Scope, drawing, other_form, page
from ctibutler.pages.wording import counted, plural

MARKED: Final = "marked"
SETS: Final = (
    Parameter("a", "csv", "Set A: ids of techniques, or of objects whose techniques are meant."),
    Parameter("b", "csv", "Set B."),
)
PARAMETERS: Final = (
    *SETS,
    Parameter("platform", "csv", "Platforms of the techniques."),
    Parameter("since", "text", "Another release: what changed since then is shown."),
    Parameter("only", "choice", "`marked`: only techniques that a set has, or that changed.", allowed=(MARKED,)),
    Parameter("open", "choice", "What is unfolded.", allowed=("all", MARKED)),
)


class Viewed:
    """A matrix with the choices of a request."""

    def __init__(self, request: Request, scope: Scope) -> None:
        values = request.values
        self.kb = scope.kb
        self.label = scope.label
        has_filters = values.has("platform")
        self.since = values.text("since") if has_filters else None
        platforms = (values.csv("platform") if has_filters else None) or ()
        query = MatrixQuery(scope.label, values.csv("a") or (), values.csv("b") or (), platforms, self.since)
        self.matrix: Matrix = make_matrix(request.library, scope.kb, query)
        self.has_sets = bool(query.a or query.b)
        self.has_marks = self.has_sets or self.since is not None
        self.only_marked = has_filters and self.has_marks and values.choice("only") == MARKED
        self.opened = values.choice("open") if has_filters else None

    def address_of(self, stix_id: str, external_id: str | None) -> str:
        """Return the address of an object of the matrix."""
        can_be_read = external_id is not None and addresses.can_be_read(external_id)
        return addresses.of_object(self.kb.slug, self.label, external_id if external_id and can_be_read else stix_id)

    @property
    def has_layer(self) -> bool:
        """Whether there is a layer of it."""
        counts = self.matrix.counts
        return self.kb.navigator_domain is not None and counts.only_a + counts.only_b + counts.both > 0

    def tactics(self) -> list[list[TacticInView]]:
        """Return the columns of each matrix."""
        return [[self._column(tactic) for tactic in part.tactics] for part in self.matrix.matrices]

    def _column(self, tactic: MatrixTactic) -> TacticInView:
        cells = [self._cell(cell) for cell in tactic.techniques if self._is_kept(cell)]
        return TacticInView(tactic, self.address_of(tactic.id, tactic.external_id), cells)

    def placed(self) -> Iterator[Placed]:
        """Yield the cells that are shown."""
        for tactic, cell, above in self.matrix.cells():
            if self._is_kept(cell):
                yield tactic, cell, above

    def _is_kept(self, cell: MatrixCell) -> bool:
        return not self.only_marked or cell.is_marked or cell.is_changed

    def _cell(self, cell: MatrixCell) -> CellInView:
        inside = [inner.technique.mark for inner in cell.all_below]
        in_a, in_b = (sum(mark in (name, "both") for mark in inside) for name in ("a", "b"))
        changed = [inner.technique.change for inner in cell.all_below]
        of_marks = in_a + in_b > 0 or any(changed)
        is_open = self.opened == "all" or (self.opened == MARKED and of_marks)
        technique = cell.technique
        return CellInView(
            cell,
            self.address_of(technique.id, technique.external_id),
            [self._cell(inner) for inner in cell.below if self._is_kept(inner)],
            len(inside),
            in_a,
            in_b,
            "".join(CHANGE_LETTERS[change] for change in dict.fromkeys(changed) if change),
            is_open,
        )


def told_of(form: MatrixForm, matrix: Matrix) -> str:
    """Return how much there is, in the words of the knowledge base: `216 techniques, 475 sub-techniques in 14 tactics`."""
    counts = matrix.counts
    below = [counted(counts.sub_techniques, form.techniques[-1])] if counts.sub_techniques else []
    shown = ", ".join([counted(counts.techniques, form.techniques[0]), *below])
    return f"{shown} in {counted(counts.tactics, form.tactics[0])}"


def _view(request: Request, scope: Scope) -> Response:
    kb, viewed, values = scope.kb, Viewed(request, scope), request.values
    form = matrix_form(kb)
    assert form is not None  # the matrix was made of it
    address = addresses.in_release(kb.slug, scope.label, "matrix")
    extensions = [".json", ".csv", *([".layer.json"] if viewed.has_layer else []), ".svg"]
    query = values.query()
    forms = [Form(it, with_query(request, f"{address}{it}")) for it in extensions]
    others = [OtherRelease(it.label, it.address and with_query(request, it.address)) for it in scope.others]
    frame = Frame(
        title_of(scope, "Matrix"), address, replace(scope, others=others), forms, "matrix", wide=True,
        scripts=("matrix.js", "layer.js") if kb.navigator_domain else ("matrix.js",),
    )  # fmt: skip

    def changed(**instead: object) -> str:
        asked = values.query(**instead)
        return f"{address}?{asked}" if asked else address

    return page(
        "matrix.html",
        frame,
        kb=kb,
        matrix=viewed.matrix,
        parts=list(zip(viewed.matrix.matrices, viewed.tactics(), strict=True)),
        counted=told_of(form, viewed.matrix),
        nouns=plural(form.techniques[-1]),
        viewed=viewed,
        sets=[("A", "a", viewed.matrix.a), ("B", "b", viewed.matrix.b)],
        set_name=set_name,
        letters=CHANGE_LETTERS,
        lower=[it.label for it in scope.others if it.label != scope.label],
        values=values,
        query=query,
        changed=changed,
        compare=addresses.in_release(kb.slug, scope.label, "compare", a=values.csv("a"), b=values.csv("b")),
    )


def _json(_: Request, viewed: Viewed) -> Response:
    return other_form(record_as_json(viewed.matrix), "application/json")


def _csv(request: Request, viewed: Viewed) -> Response:
    table = matrix_table(request.library, viewed.kb, viewed.matrix, viewed.placed())
    return other_form(b"".join(table_as_csv(table)), "text/csv")


def _layer(_: Request, viewed: Viewed) -> Response:
    return other_form(
        record_as_json(technique_layer_file(layer_of_matrix(viewed.kb, viewed.matrix))), "application/json"
    )


def _svg(_: Request, viewed: Viewed) -> Response:
    form = matrix_form(viewed.kb)
    assert form is not None
    sets = [(letter, set_name(told)) for letter, told in (("A", viewed.matrix.a), ("B", viewed.matrix.b)) if told.given]
    picture = drawn(viewed.matrix.matrices, viewed.tactics())
    title = f"{viewed.kb.title} {viewed.label}"
    return drawing(
        "matrix.svg", picture=picture, title=title, counted=told_of(form, viewed.matrix), sets=sets,
        letters=CHANGE_LETTERS,
        since=viewed.matrix.since,
        counts=viewed.matrix.counts,
    )  # fmt: skip


_FORMS: Final[dict[str, Callable[[Request, Viewed], Response]]] = {
    ".json": _json,
    ".csv": _csv,
    ".layer.json": _layer,
    ".svg": _svg,
}


def the_matrix(extension: str = "") -> Callable[[Request], Response]:
    """Return the handler of the page, or of another form of it."""

    def answer(request: Request, scope: Scope) -> Response:
        if not extension:
            return _view(request, scope)
        return _FORMS[extension](request, Viewed(request, scope))

    return in_release(lambda request, label: addresses.in_release(request.kb.slug, label, "matrix", extension), answer)


FORMS: Final = tuple(_FORMS)
