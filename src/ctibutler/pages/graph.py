"""The page that draws what an object is connected with, and its other forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from ctibutler.answers.looking_up import LookedUp
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.neighbours import Neighbour, Neighbourhood, find_neighbours
from ctibutler.answers.tables.neighbour_tables import neighbour_table, neighbourhood_record
from ctibutler.forms.csv_form import table_as_csv
from ctibutler.forms.json_form import record_as_json
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.layouts import Shape
from ctibutler.pages.marks import HOLLOW, PATHS
from ctibutler.pages.object_pages import forwarded, frame_of, head_of, one_object
from ctibutler.pages.releases_in_view import with_query
from ctibutler.pages.ring import ORDER, Point, Ring, lay_out
from ctibutler.pages.rows import Row, Rows, name_of, shape_of
from ctibutler.pages.templating import Form, Scope, drawing, other_form, page
from ctibutler.pages.wording import counted

PARAMETERS: Final = (
    Parameter("kinds", "csv", "Kinds of neighbours."),
    Parameter("types", "csv", "Types of the relationships with the object."),
    Parameter("direction", "choice", "Relationships that begin at the object, or end there.", allowed=("out", "in")),
)

_LONGEST_MIDDLE: Final = 26


@dataclass(frozen=True)
class Listed:
    """The neighbours of one arc: `counted` says how many, `verbs` how they are related, `kinds` what they are called."""

    shape: Shape
    counted: str
    verbs: Sequence[str]
    rows: Sequence[Row]
    kinds: Sequence[str]

    @property
    def anchor(self) -> str:
        """The fragment of its list."""
        return f"arc-{self.shape}"


class _Drawn:
    """What a request asks to be drawn of a neighbourhood."""

    def __init__(self, request: Request, scope: Scope, found: LookedUp) -> None:
        values = request.values
        self.whole = find_neighbours(request.library, scope.kb, ObjectRequest(found.view.id, scope.label))
        direction = values.choice("direction")
        self.kinds, self.types = (values.csv(name) or [] for name in ("kinds", "types"))
        self.direction = direction
        self.shown: Neighbourhood = self.whole.narrowed(
            self.kinds, self.types, None if not direction else direction == "out"
        )
        self._rows = Rows(request.library, [it.view for it in self.whole.neighbours], (scope.kb.slug, scope.label))

    def ring(self) -> Ring:
        """Return the ring of those that are shown."""
        neighbours = self.shown.neighbours
        points = [self._point(key, neighbour) for key, neighbour in enumerate(neighbours)]
        return lay_out(points, ((one.source, one.target) for one in self.shown.between))

    def _point(self, key: int, neighbour: Neighbour) -> Point:
        view, shape = neighbour.view, _shape(neighbour)
        of_tactics = neighbour.tactic is not None
        return Point(
            key,
            shape,
            view.external_id or "",
            name_of(view),
            self._rows.address_of(view),
            neighbour.id_order if of_tactics else neighbour.name_order,
            neighbour.id_order,
            0 if neighbour.tactic is None else neighbour.tactic + 1,
            self.shown.degrees[key],
        )

    def lists(self, shown: Neighbourhood) -> list[Listed]:
        """Return the neighbours by arc, in the order of the ring."""
        by_arc: dict[Shape, list[Neighbour]] = {}
        for neighbour in shown.neighbours:
            shape = _shape(neighbour)
            by_arc.setdefault("technique" if shape == "subtechnique" else shape, []).append(neighbour)
        listed = []
        for shape in ORDER:
            if members := sorted(by_arc.get(shape, ()), key=lambda it: (it.id_order, it.view.id)):
                kinds = list(dict.fromkeys(neighbour.kind for neighbour in members))
                verbs = dict.fromkeys(verb for neighbour in members for verb in _verbs(neighbour))
                rows = [self._rows.row(it.view, note=", ".join(_verbs(it)) if len(verbs) > 1 else "") for it in members]
                listed.append(Listed(shape, counted(len(members), _word(kinds)), list(verbs), rows, kinds))
        return listed


def _shape(neighbour: Neighbour) -> Shape:
    return shape_of(neighbour.view.knowledge_base, neighbour.view)


def _verbs(neighbour: Neighbour) -> list[str]:
    """How the object is related to it: `uses`, or `attributed to it`."""
    return [type_.replace("-", " ") + ("" if outwards else " it") for type_, outwards in neighbour.relations]


def _word(kinds: Sequence[str]) -> str:
    """One word for several kinds: `technique` for techniques and sub-techniques."""
    lower = sorted({kind.lower() for kind in kinds}, key=len)
    general = [word for word in lower if not any(word != other and word.endswith(other) for other in lower)]
    return " or ".join(general)


def _view(request: Request, scope: Scope, found: LookedUp) -> Response:
    drawn = _Drawn(request, scope, found)
    frame = frame_of(request, scope, found, "graph", *FORMS, scripts=("graph.js",))
    forms = [Form(form.extension, with_query(request, form.address)) for form in frame.forms]
    return page(
        "graph.html",
        frame,
        **head_of(request, scope, found),
        forms=forms,
        **_picture(drawn, found, alone=False),
        lists=drawn.lists(drawn.shown),
        choices=drawn.lists(drawn.whole),
        all_types=sorted({type_ for it in drawn.whole.neighbours for type_, _ in it.relations}),
        chosen_kinds=drawn.kinds,
        chosen_types=drawn.types,
        direction=drawn.direction,
        neighbours=len(drawn.shown.neighbours),
        between=len(drawn.shown.between),
        whole=len(drawn.whole.neighbours),
    )


def _picture(drawn: _Drawn, found: LookedUp, *, alone: bool) -> dict[str, object]:
    view = found.view
    named = f"{view.external_id or ''} {name_of(view)}".strip()
    neighbours, between = len(drawn.shown.neighbours), len(drawn.shown.between)
    name = name_of(view)
    short = name if len(name) <= _LONGEST_MIDDLE else f"{name[: _LONGEST_MIDDLE - 1].rstrip()}…"
    return {
        "ring": drawn.ring(),
        "paths": PATHS,
        "hollow": HOLLOW,
        "alone": alone,
        "middle": (shape_of(found.kb, view), view.external_id or "", short),
        "middle_width": max(110, 8 * max(len(short), len(view.external_id or "")) + 24),
        "title": f"Graph of {named}, {found.kb.title} {found.release}",
        "told": f"{counted(neighbours, 'neighbour')} in a ring by kind, {counted(between, 'relationship')} among them"
        " as curves.",
    }


def _svg(request: Request, scope: Scope, found: LookedUp) -> Response:
    return drawing("ring.svg", **_picture(_Drawn(request, scope, found), found, alone=True))


def _json(request: Request, scope: Scope, found: LookedUp) -> Response:
    return other_form(record_as_json(neighbourhood_record(_Drawn(request, scope, found).shown)), "application/json")


def _csv(request: Request, scope: Scope, found: LookedUp) -> Response:
    table = neighbour_table(request.library, _Drawn(request, scope, found).shown)
    return other_form(b"".join(table_as_csv(table)), "text/csv")


_FORMS: Final = {".svg": _svg, ".json": _json, ".csv": _csv, ".stix.json": forwarded("bundle", query="format=stix")}
FORMS: Final = tuple(_FORMS)

the_graph: Final = one_object("graph", _view, {})
the_forms: Final = {extension: one_object(f"graph{extension}", answer, {}) for extension, answer in _FORMS.items()}
