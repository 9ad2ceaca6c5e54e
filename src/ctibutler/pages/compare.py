"""The page that compares two sets of techniques, tactic by tactic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from ctibutler.answers.matrix import Matrix, MatrixTactic, MatrixTechnique
from ctibutler.answers.tables.matrix_tables import layer_of_matrix, set_name
from ctibutler.forms.json_form import record_as_json
from ctibutler.forms.navigator_layer import technique_layer_file
from ctibutler.http.forwarding import answer_at
from ctibutler.http.requests import Request
from ctibutler.pages import addresses
from ctibutler.pages.matrix import Viewed
from ctibutler.pages.releases_in_view import in_release, title_of, with_query
from ctibutler.pages.templating import Form, Frame, OtherRelease, Scope, other_form, page

OWN: Final = "own"


@dataclass(frozen=True)
class Side:
    """What both sets have, or only one of them: the techniques of each tactic, those without a tactic last."""

    mark: str
    title: str
    total: int
    tactics: list[tuple[MatrixTactic | None, list[MatrixTechnique]]]


def _sides(matrix: Matrix) -> Iterator[Side]:
    counts = matrix.counts
    for mark, title, total in (
        ("a", f"Only {set_name(matrix.a) or 'A'}", counts.only_a),
        ("both", "Both", counts.both),
        ("b", f"Only {set_name(matrix.b) or 'B'}", counts.only_b),
    ):
        of_side: list[tuple[MatrixTactic | None, list[MatrixTechnique]]] = []
        for part in matrix.matrices:
            for tactic in part.tactics:
                cells = [cell for top in tactic.techniques for cell in (top, *top.all_below)]
                techniques = [cell.technique for cell in cells if cell.technique.mark == mark]
                of_side += [(tactic, techniques)] if techniques else []
        rest = [technique for technique in matrix.without_tactic if technique.mark == mark]
        yield Side(mark, title, total + len(rest), [*of_side, (None, rest)] if rest else of_side)


def _view(request: Request, scope: Scope) -> Response:
    kb, viewed, values = scope.kb, Viewed(request, scope), request.values
    matrix = viewed.matrix
    address = addresses.in_release(kb.slug, scope.label, "compare")
    extensions = [*([".json", ".csv"] if _question(matrix) else []), *([".layer.json"] if viewed.has_layer else [])]
    others = [OtherRelease(it.label, it.address and with_query(request, it.address)) for it in scope.others]
    names = [name for told in (matrix.a, matrix.b) if (name := set_name(told))]
    title = " and ".join(names) if len(names) == 2 else "Compare two sets"
    frame = Frame(
        title_of(scope, title), address, replace(scope, others=others),
        [Form(it, with_query(request, f"{address}{it}")) for it in extensions], "matrix",
    )  # fmt: skip
    sides = list(_sides(matrix))
    either = sum(side.total for side in sides)
    return page(
        "compare.html",
        frame,
        kb=kb,
        title=title,
        matrix=matrix,
        sides=sides,
        jaccard=round(sides[1].total / either, 2) if either else None,
        viewed=viewed,
        sets=[("A", "a", matrix.a), ("B", "b", matrix.b)],
        values=values,
        in_matrix=addresses.in_release(kb.slug, scope.label, "matrix", a=values.csv("a"), b=values.csv("b")),
    )


def _question(matrix: Matrix) -> str | None:
    """The question by which the API compares the same two sets; None if it does not."""
    a, b = matrix.a, matrix.b
    are_whole = a.given and b.given and not (a.problems or b.problems)
    return a.question if are_whole and a.question == b.question else None


def _from_api(query: str) -> Callable[[Request, Viewed], Response]:
    def answer(request: Request, viewed: Viewed) -> Response:
        word = _question(viewed.matrix) or viewed.matrix.a.question or viewed.matrix.b.question or ""
        asked = f"version={viewed.label}&by={word}&via={OWN}&{request.values.query()}{query}"
        return answer_at(request, addresses.api_of(viewed.kb, "compare"), asked)

    return answer


def _layer(_: Request, viewed: Viewed) -> Response:
    made = technique_layer_file(layer_of_matrix(viewed.kb, viewed.matrix))
    return other_form(record_as_json(made), "application/json")


_FORMS: Final[dict[str, Callable[[Request, Viewed], Response]]] = {
    ".json": _from_api(""),
    ".csv": _from_api("&format=csv"),
    ".layer.json": _layer,
}
FORMS: Final = tuple(_FORMS)


def the_comparison(extension: str = "") -> Callable[[Request], Response]:
    """Return the handler of the page, or of another form of it."""

    def answer(request: Request, scope: Scope) -> Response:
        return _FORMS[extension](request, Viewed(request, scope)) if extension else _view(request, scope)

    return in_release(lambda request, label: addresses.in_release(request.kb.slug, label, "compare", extension), answer)
