"""The pages about one object: itself, its relations, and its STIX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from starlette.responses import Response

from ctibutler.answers import releases
from ctibutler.answers.asking.question_records import QuestionAnswer, QuestionQuery
from ctibutler.answers.asking.questions import ask_each
from ctibutler.answers.looking_up import Absent, LookedUp, Moment, look_up, notice_about, successors
from ctibutler.answers.naming import ObjectRequest, brief
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.pages import PageRequest
from ctibutler.answers.related import list_related
from ctibutler.answers.relationships import RelationshipQuery, list_relationships
from ctibutler.http.forwarding import answer_at
from ctibutler.http.requests import Request
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.knowledge_bases.matrices import can_be_set
from ctibutler.pages import addresses
from ctibutler.pages.copying import copy_forms
from ctibutler.pages.endings import ending_of
from ctibutler.pages.errors import not_found
from ctibutler.pages.paging import pager
from ctibutler.pages.release_pages import about, about_as_json
from ctibutler.pages.releases_in_view import in_release, nothing_installed, title_of, with_query
from ctibutler.pages.rows import Row, Rows, name_of, shape_of, status_of
from ctibutler.pages.sections import facts_of, filled, objects_of, questions_of, shown, sources_of
from ctibutler.pages.templating import Form, Frame, OtherRelease, Scope, markdown, page, redirect
from ctibutler.pages.texts import Texts
from ctibutler.pages.timeline import events_of, marks
from ctibutler.stix.objects import external_references, text

PARTS = ("", "relations", "graph", "history", "diff", "stix")
"""The pages about an object: itself, and the words that follow its id."""

ROWS_SHOWN = 50
# The questions whose answers stand above the name of an object, the nearest first.
_ABOVE = ("parents", "tactics")
_MOST_ABOVE = 4
_DEAD = "include_revoked=true&include_deprecated=true"

ObjectAnswer = Callable[[Request, Scope, LookedUp], Response]


def one_object(
    part: str, answer: ObjectAnswer, extensions: Mapping[str, ObjectAnswer]
) -> Callable[[Request], Response]:
    """Return the handler of a page about an object. Its last part may carry one of these extensions. Another writing of the id
    leads to the canonical address."""

    def view(request: Request, scope: Scope) -> Response:
        written, extension = request.path["id"], request.path.get("extension", "")
        if not part:
            written, extension = addresses.without_extension(written, tuple(extensions))
        found = look_up(request.library, scope.kb, written, scope.label)
        if isinstance(found, Absent):
            return _absent(request, scope, found)
        address = _address(found, part, extension)
        if addresses.of_object(scope.kb.slug, scope.label, written, part, extension) != address:
            return redirect(with_query(request, address), 301)
        return (extensions[extension] if extension else answer)(request, _followed(request, scope, found, part), found)

    def in_other(request: Request, label: str) -> str:
        return addresses.of_object(request.kb.slug, label, request.path["id"], part, request.path.get("extension", ""))

    def canonical(request: Request, label: str) -> str:
        written, extension = request.path["id"], request.path.get("extension", "")
        if not part:
            written, extension = addresses.without_extension(written, tuple(extensions))
        return address_in(request, label, written, part, extension)

    return in_release(in_other, view, canonical)


def release_or_id(request: Request) -> Response:
    """Return the page of a release; or lead from an id without a release to the latest one."""
    place = request.path["place"]
    stem, extension = addresses.without_extension(place, (".json",))
    if addresses.is_label(stem):
        return about_as_json(request, stem) if extension else about(request)
    label = releases.installed(request.library, request.kb).latest
    if label is None:
        return nothing_installed(request)
    written, extension = addresses.without_extension(place, tuple(_OBJECT_FORMS))
    return redirect(with_query(request, address_in(request, label, written, "", extension)))


def address_in(request: Request, label: str, written: str, part: str = "", extension: str = "") -> str:
    """Return the canonical address of what an id means in a release; as it is written, if it means nothing there."""
    found = look_up(request.library, request.kb, written, label)
    object_id = written if isinstance(found, Absent) else _id(found)
    return addresses.of_object(request.kb.slug, label, object_id, part, extension)


def _address(found: LookedUp, part: str = "", extension: str = "") -> str:
    return addresses.of_object(found.kb.slug, found.release, _id(found), part, extension)


def _id(found: LookedUp) -> str:
    """The id under which an object is read in its release."""
    object_id = next(moment.id for moment in found.moments if moment.release == found.release)
    return object_id if object_id is not None and addresses.can_be_read(object_id) else found.view.id


def _followed(request: Request, scope: Scope, found: LookedUp, part: str) -> Scope:
    """The scope with this object's own address in each other release that has it."""
    others = [OtherRelease(moment.release, _there(scope, moment, part)) for moment in reversed(found.moments)]
    return replace(scope, others=others)


def _there(scope: Scope, moment: Moment, part: str = "") -> str | None:
    if moment.id is None:
        return None
    return addresses.of_object(scope.kb.slug, moment.release, moment.id, part)


def frame_of(
    request: Request,
    scope: Scope,
    found: LookedUp,
    part: str = "",
    *extensions: str,
    scripts: Sequence[str] = (),
) -> Frame:
    """Return what surrounds a page about an object. `part` is the word of the page, `extensions` are its other forms."""
    view = found.view
    name = f"{view.external_id} {name_of(view)}" if view.external_id else name_of(view)
    what = f"{part.capitalize()} of {name}" if part and part != "stix" else f"STIX of {name}" if part else name
    forms = [Form(extension, _address(found, part, extension)) for extension in extensions]
    return Frame(title_of(scope, what), _address(found, part), scope, forms, "object", scripts=scripts)


def head_of(request: Request, scope: Scope, found: LookedUp) -> dict[str, Any]:
    """Return what the head of each page about an object shows."""
    view, kb = found.view, scope.kb
    rows = Rows(request.library, [*found.others], (kb.slug, scope.label))
    events = events_of(request.library, kb, view.id)
    return {
        "kb": kb,
        "found": found,
        "name": name_of(view),
        "kind": kind_of(kb, view.type, view.properties),
        "shape": shape_of(kb, view),
        "copies": list(copy_forms(kb, view, name_of(view), _address(found))) if view.external_id else [],
        "label_colour": kb.label_colours.get((view.external_id or "").lower()),
        "status": status_of(view),
        "others": [rows.row(other) for other in found.others],
        "events": events,
        "timeline": marks(found.moments, events, lambda moment: _there(scope, moment)),
        "parts": {part: _address(found, part) for part in PARTS},
        "total_relations": _total(request, found),
        "in_matrix": _in_matrix(found),
    }


def _in_matrix(found: LookedUp) -> str | None:
    """The address of the matrix with this object as a set; None if it has no techniques there, and is none."""
    kb, view = found.kb, found.view
    if status_of(view) != "live" or not can_be_set(kb, kind_of(kb, view.type, view.properties)):
        return None
    return addresses.in_release(kb.slug, found.release, "matrix", a=_id(found))


def _total(request: Request, found: LookedUp) -> int:
    query = RelationshipQuery(page=PageRequest(1, 1))
    return list_relationships(request.library, found.kb, ObjectRequest(found.view.id, found.release), query).total


def _context(request: Request, scope: Scope, found: LookedUp) -> dict[str, Any]:
    kb, view, library = scope.kb, found.view, request.library
    kind = kind_of(kb, view.type, view.properties)
    is_dead = view.is_revoked or view.is_deprecated
    query = QuestionQuery(
        release=scope.label,
        page=PageRequest(1, ROWS_SHOWN),
        include_revoked=is_dead,
        include_deprecated=is_dead,
    )
    answers = ask_each(library, kb, view.id, questions_of(kb, kind), query)
    chain = successors(library, view)
    notice = notice_about(library, view) if is_dead else None
    named = notice.named if notice else ()
    texts = Texts(library, kb, scope.label, [view, *sources_of(answers)], _address(found))
    rows = Rows(library, [*objects_of(answers), *chain, *named], (kb.slug, scope.label))
    description = text(view.properties, "description")
    told = texts.block(description) if description else None
    sections = filled(kb, kind, view, answers, rows, texts)
    details = _details(found, texts)
    cited = {reference.name for _, reference in texts.notes.listed}
    return {
        "description": told,
        "filled": sections,
        "details": details,
        "chain": [rows.row(successor) for successor in chain],
        "notice": texts.line(notice.text) if notice else None,
        "named": [rows.row(one) for one in named],
        "above": _above(answers, rows),
        "facts": facts_of(kb, view),
        "publisher": _publisher(view),
        "notes": texts.notes.listed,
        "references": [
            reference
            for reference in external_references(view.properties)
            if str(reference.get("source_name", "")) not in cited
        ],
        "contents": [shown(dict(other.properties), texts.block) for other in found.contents[1:]],
        "created": (view.created or "")[:10],
        "modified": (view.modified or "")[:10],
    }


def _whole(request: Request, scope: Scope, found: LookedUp) -> dict[str, Any]:
    """All that the page of an object shows."""
    head = head_of(request, scope, found)
    ending = ending_of(found, head["status"], head["events"], _id(found), scope.latest)
    return {**head, **_context(request, scope, found), "ending": ending}


def _above(answers: Sequence[QuestionAnswer], rows: Rows) -> list[Row]:
    """The objects above one: what it is a part of, or else the tactics that it serves."""
    by_word = {answer.question.word: answer for answer in answers}
    above = next((by_word[word] for word in _ABOVE if word in by_word), None)
    return [rows.row(item.object) for item in above.page.items[:_MOST_ABOVE]] if above else []


def _details(found: LookedUp, texts: Texts) -> dict[str, Any]:
    if found.details is None:
        return {}
    told: dict[str, object] = msgspec.json.decode(found.details)
    return {
        name.replace("_", " ").capitalize(): shown(value, texts.block)
        for name, value in told.items()
        if value not in (None, "", [], {})
    }


def _publisher(view: ObjectView) -> str:
    for reference in external_references(view.properties):
        url = reference.get("url")
        if reference.get("external_id") == view.external_id and isinstance(url, str):
            return url if url.lower().startswith(("http://", "https://")) else ""
    return ""


def _page(request: Request, scope: Scope, found: LookedUp) -> Response:
    extensions = [".json", ".stix.json", ".csv", ".md"]
    if scope.kb.navigator_domain and found.view.type in scope.kb.navigator_types and status_of(found.view) == "live":
        extensions.append(".layer.json")
    frame = frame_of(request, scope, found, "", *extensions)
    return page("object.html", frame, **_whole(request, scope, found))


def _markdown(request: Request, scope: Scope, found: LookedUp) -> Response:
    return markdown("object.md", {**_whole(request, scope, found), "scope": scope, "address": _address(found)})


def forwarded(*below: str, query: str = "") -> ObjectAnswer:
    """Return what answers with a route of the API about the object."""

    def answer(request: Request, scope: Scope, found: LookedUp) -> Response:
        path = addresses.api_of(scope.kb, "objects", found.view.id, *below)
        return answer_at(request, path, f"version={scope.label}&{_DEAD}&{query}&{request.values.query()}")

    return answer


def _relations_as_api(request: Request, scope: Scope, found: LookedUp) -> Response:
    """The API's answer with as many relationships as the page has."""
    size = request.values.page().size
    return forwarded("relationships", query=f"page_size={size}")(request, scope, found)


def _relations(request: Request, scope: Scope, found: LookedUp) -> Response:
    values = request.values
    direction = values.choice("relationship_direction")
    query = RelationshipQuery(
        page=values.page(),
        include_embedded=values.flag("include_embedded_refs"),
        relationship_type=values.text("relationship_type"),
        direction="source_ref" if direction == "source_ref" else "target_ref" if direction == "target_ref" else None,
    )
    related = list_related(request.library, scope.kb, ObjectRequest(found.view.id, scope.label), query)
    ends = [item.other for item in related.items if item.other is not None]
    rows = Rows(request.library, ends, (scope.kb.slug, scope.label))
    frame = frame_of(request, scope, found, "relations", ".json", ".csv")
    views = [item.view for item in related.items]
    texts = Texts(request.library, scope.kb, scope.label, views, _address(found))
    made = [
        (
            text(item.view.properties, "relationship_type") or "",
            item.outwards,
            rows.row(item.other) if item.other is not None else _unknown(item.other_id),
            texts.line(text(item.view.properties, "description") or ""),
        )
        for item in related.items
    ]
    return page(
        "relations.html",
        frame,
        **head_of(request, scope, found),
        rows=made,
        notes=texts.notes.listed,
        values=values,
        pager=pager(request, frame.canonical, related.request.number, related.request.size, related.total),
    )


def _unknown(stix_id: str) -> Row:
    return Row("", stix_id, "", "not in this release", "other")


def _stix(request: Request, scope: Scope, found: LookedUp) -> Response:
    frame = frame_of(request, scope, found, "stix", ".json")
    lines = [
        msgspec.json.format(content.content, indent=2).decode("utf-8", "replace").splitlines()
        for content in found.contents
    ]
    bundle = _address(found, "", ".stix.json")
    return page("stix.html", frame, **head_of(request, scope, found), contents=lines, bundle=bundle)


def _absent(request: Request, scope: Scope, absent: Absent) -> Response:
    holders = [(moment, _there(scope, moment)) for moment in absent.holders]
    others = [OtherRelease(moment.release, _there(scope, moment)) for moment in reversed(absent.moments)]
    here = replace(scope, others=others)
    absent_events = events_of(request.library, scope.kb, absent.id) if absent.holders else []
    frame = Frame(
        title_of(scope, f"{absent.id[:100]} is not here"),
        addresses.of_release(scope.kb.slug, scope.label),
        here,
        text=absent.id[:100],
    )
    near = [(near, addresses.of_object(scope.kb.slug, scope.label, near.external_id)) for near in absent.near]
    return not_found(
        request,
        f"no object `{brief(absent.id)}` in {scope.kb.slug} {scope.label}",
        "absent.html",
        frame,
        kb=scope.kb,
        absent=absent,
        holders=holders,
        near=near,
        timeline=marks(absent.moments, absent_events, lambda moment: _there(scope, moment)),
    )


_OBJECT_FORMS: dict[str, ObjectAnswer] = {
    ".json": forwarded(),
    ".stix.json": forwarded("bundle", query="format=stix"),
    ".csv": forwarded("relationships", query="format=csv"),
    ".layer.json": forwarded("navigator"),
    ".md": _markdown,
}

the_object = one_object("", _page, _OBJECT_FORMS)
relations = one_object("relations", _relations, {})
stix = one_object("stix", _stix, {})
relations_json = one_object("relations.json", _relations_as_api, {})
relations_csv = one_object("relations.csv", forwarded("relationships", query="format=csv"), {})
stix_json = one_object("stix.json", forwarded("bundle", query="format=stix"), {})
