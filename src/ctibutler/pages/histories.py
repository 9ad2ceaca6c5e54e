"""The page with all that happened to an object, release by release."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from ctibutler.answers.history import HistoryEvent
from ctibutler.answers.looking_up import LookedUp
from ctibutler.answers.told_events import told
from ctibutler.http.forwarding import answer_at
from ctibutler.http.requests import Request
from ctibutler.pages import addresses
from ctibutler.pages.object_pages import ObjectAnswer, frame_of, head_of, one_object
from ctibutler.pages.templating import Scope, page

FORMS = (".json", ".csv", ".atom")


@dataclass(frozen=True)
class Told:
    """An event as a row: what is known about it, where the object is in its release, and what differs there."""

    event: HistoryEvent
    said: str
    address: str | None
    differences: str | None


def _page(request: Request, scope: Scope, found: LookedUp) -> Response:
    kb = scope.kb
    there = {moment.release: moment.id for moment in found.moments if moment.id is not None}
    labels = [moment.release for moment in found.moments if moment.id is not None]

    def row(event: HistoryEvent) -> Told:
        here = there.get(event.label)
        if here is None:
            return Told(event, told(event), None, None)
        place = labels.index(event.label)
        before = labels[place - 1] if place else None
        differences = before and addresses.of_object(kb.slug, event.label, here, "diff", **{"from": before})
        return Told(event, told(event), addresses.of_object(kb.slug, event.label, here), differences)

    frame = frame_of(request, scope, found, "history", *FORMS)
    head = head_of(request, scope, found)
    return page("history.html", frame, **head, rows=[row(event) for event in head["events"]])


def _as(extension: str) -> ObjectAnswer:
    def answer(request: Request, scope: Scope, found: LookedUp) -> Response:
        form = "" if extension == ".json" else f"format={extension.removeprefix('.')}"
        return answer_at(request, addresses.api_of(scope.kb, "objects", found.view.id, "history"), form)

    return answer


the_history = one_object("history", _page, {})
history_as = {extension: one_object(f"history{extension}", _as(extension), {}) for extension in FORMS}
