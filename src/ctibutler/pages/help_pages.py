"""Help: words, keys and formats; all components with all their states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, get_args

from starlette.responses import Response

from ctibutler.comparing.events import EVENTS
from ctibutler.comparing.outcomes import OUTCOMES
from ctibutler.http.requests import Request
from ctibutler.http.routing import Endpoint
from ctibutler.knowledge_bases.layouts import Shape
from ctibutler.pages.copying import CopyForm
from ctibutler.pages.differences import Changed, Item
from ctibutler.pages.rows import Row
from ctibutler.pages.sections import shown
from ctibutler.pages.templating import Form, Frame, page
from ctibutler.pages.text import Notes, Reference, escaped, rendered
from ctibutler.pages.timeline import Mark

_HTML: Final = "text/html"
_COMPONENTS: Final = "/help/components"


def endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints."""
    for path, handler in (("help/", _help), ("help/components/", _components)):
        yield Endpoint("GET", path, handler, "", "", variants=(_HTML,), even=True, cached=True)


def _help(_: Request) -> Response:
    return page("help.html", Frame("Help", "/help", active="help"), shapes=get_args(Shape))


def _components(_: Request) -> Response:
    """All components with all their states: the page that tests look at."""
    notes = Notes()
    notes.learn([{"source_name": "A report", "description": "Somebody, 2024.", "url": "https://example.org/"}])
    text = rendered("Words, `code`, **strong**, a [link](https://example.org/).(Citation: A report)", "attack", notes)
    shapes: Sequence[str] = get_args(Shape)
    rows = [
        Row(f"X{number:04}", f"An object of the kind {shape}", _COMPONENTS, shape, shape)
        for number, shape in enumerate(shapes)
    ]
    states = [
        Row("X0100", "Revoked", _COMPONENTS, "Technique", "technique", "revoked", text),
        Row("X0101", "Deprecated", _COMPONENTS, "Technique", "technique", "deprecated", text),
        Row("", "Without an id or an address", "", "not in this release", "other", "live", escaped("Plain")),
        Row(
            "X0102",
            "In another release",
            _COMPONENTS,
            "Group",
            "group",
            "live",
            text,
            "CAPEC 3.9",
            "by way of X0100",
        ),
    ]
    notes_of = {
        "absent": "not there", "first": "added", "same": "unchanged", "different": "platforms", "touched": "touched",
        "model": "data model", "silent": "silent edit", "dead": "revoked",
    }  # fmt: skip
    marks = [
        Mark(f"{number}.0", change, note, None if change == "absent" else _COMPONENTS, change == "model")
        for number, (change, note) in enumerate(notes_of.items(), 1)
    ]
    words = Changed(
        "description", "description", [Item("=", "It is "), Item("-", "old"), Item("+", "new"), Item("=", ".")], []
    )
    chips = Changed(
        "platforms", "x_mitre_platforms", [], [Item("-", "One"), Item("+", "Two", _COMPONENTS), Item("=", "Three")]
    )
    value = shown({"name": "value", "list": ["one", "two"], "deep": [{"flag": True, "none": None}]}, escaped)
    return page(
        "components.html",
        Frame("Components", _COMPONENTS, active="help"),
        rows=rows,
        states=states,
        marks=marks,
        differences=[words, chips],
        copies=[CopyForm("Markdown", f"[T1059]({_COMPONENTS})", _COMPONENTS), CopyForm("Sigma tag", "attack.t1059")],
        outcomes=dict.fromkeys((*OUTCOMES, *EVENTS)),
        value=value,
        text=text,
        notes=[*notes.listed, (2, Reference("Without an address"))],
        forms=[Form(extension, f"/help/components#{extension[1:]}") for extension in (".json", ".csv", ".md")],
        pager={
            "number": 2, "last": 3, "total": 1234, "first_item": 51, "last_item": 100, "before": _COMPONENTS,
            "after": _COMPONENTS,
        },
    )  # fmt: skip
