"""The page with what differs between two releases of one object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from ctibutler.answers.differences import DifferenceQuery, ObjectAt, ObjectDifference, OtherEnd, object_difference
from ctibutler.answers.looking_up import Absent, LookedUp, look_up
from ctibutler.comparing.classes import ChangeClass
from ctibutler.comparing.events import NamedObject
from ctibutler.comparing.properties import PropertyDifference
from ctibutler.http.forwarding import answer_at
from ctibutler.http.parameters import Parameter
from ctibutler.http.requests import Request
from ctibutler.pages import addresses
from ctibutler.pages.object_pages import frame_of, head_of, one_object
from ctibutler.pages.templating import Form, Frame, Scope, markdown, page
from ctibutler.pages.timeline import Mark, plain_property
from ctibutler.stix.objects import canonical

VIEWS: Final = ("inline", "sides", "raw")
PARAMETERS: Final = (
    Parameter("from", "text", "The release to compare with. Default: the last one before in which the object differs."),
    Parameter("view", "choice", "Both states in one text, side by side, or as published.", "inline", allowed=VIEWS),
)
_MOST_ITEMS: Final = 100
# The time that comparing lines takes grows with the square of their number.
_MOST_LINES: Final = 6_000
Value = TypeVar("Value")
# What the page folds, and how it calls it.
_TITLES: Final[Mapping[ChangeClass, str]] = {
    "housekeeping": "Housekeeping",
    "format": "Markup, citations and white space",
    "model": "Changes of the data model",
    "vocabulary": "Words that the release renamed",
}


@dataclass(frozen=True)
class Item:
    """An item of a list, or a whole value: in both releases (`=`), the first (`-`) or the second (`+`)."""

    sign: str
    text: str
    address: str = ""


@dataclass(frozen=True)
class Changed:
    """A property that differs, as the page shows it: `words` of a text, `items` of a list, or both values in `items`."""

    title: str
    path: str
    words: Sequence[Item]
    items: Sequence[Item]


@dataclass(frozen=True)
class Relations:
    """The relationships of one type that were added and removed."""

    type: str
    added: Sequence[Item]
    removed: Sequence[Item]


class _Shown:
    """Makes rows of a difference. What is only in the first release leads there, everything else to the second."""

    def __init__(self, scope: Scope, difference: ObjectDifference) -> None:
        self._slug = scope.kb.slug
        self._labels = {"-": difference.since, "+": difference.label, "=": difference.label}
        self._named = {named.stix_id: named for named in difference.named}

    def changed(self, one: PropertyDifference) -> Changed:
        words: Sequence[Item] = () if one.words is UNSET else [Item(sign, text) for sign, text in one.words]
        return Changed(plain_property(one.path), one.path, words, () if words else [*self._items(one)])

    def relations(self, kind: str, added: Sequence[OtherEnd], removed: Sequence[OtherEnd]) -> Relations:
        return Relations(
            kind,
            [*_cut("+", [end.object for end in added], self._object)],
            [*_cut("-", [end.object for end in removed], self._object)],
        )

    def _items(self, one: PropertyDifference) -> Iterator[Item]:
        if one.added is UNSET or one.removed is UNSET:
            for sign, value in (("-", one.before), ("+", one.after)):
                if value not in (None, "", [], {}):
                    yield self._item(sign, value)
            return
        new = set(map(canonical, one.added))
        yield from _cut("-", one.removed, self._item)
        yield from _cut("+", one.added, self._item)
        yield from _cut("=", [value for value in one.after or () if canonical(value) not in new], self._item)

    def _item(self, sign: str, value: object) -> Item:
        if isinstance(value, str):
            return self._object(sign, self._named[value]) if value in self._named else Item(sign, value)
        return Item(sign, _words_of(value))

    def _object(self, sign: str, named: NamedObject) -> Item:
        text = " ".join(part for part in (named.external_id, named.name) if part) or str(named.stix_id)
        if named.stix_id is None or (named.external_id is None and named.name is None):
            return Item(sign, text)
        return Item(sign, text, addresses.of_object(self._slug, self._labels[sign], named.stix_id))


def _cut(sign: str, values: Sequence[Value], item: Callable[[str, Value], Item]) -> Iterator[Item]:
    """The items of a list, the first of them if they are many. The other forms of the page have all."""
    yield from (item(sign, value) for value in values[:_MOST_ITEMS])
    if len(values) > _MOST_ITEMS:
        yield Item(sign, f"{len(values) - _MOST_ITEMS:,} more")


def _words_of(value: object) -> str:
    """An object in words: a reference by its source, number and text; any other as JSON."""
    if isinstance(value, dict) and isinstance(value.get("source_name"), str):
        parts = (value.get(name) for name in ("source_name", "external_id", "description", "url"))
        return " · ".join(str(part) for part in parts if part)
    if isinstance(value, dict) and value and all(isinstance(item, str) for item in value.values()):
        return " · ".join(value.values())
    return json.dumps(value, ensure_ascii=False)


def _difference(request: Request, scope: Scope, found: LookedUp) -> ObjectDifference:
    query = DifferenceQuery(since=request.values.text("from"), release=scope.label)
    return object_difference(request.library, scope.kb, found.view.id, query)


def _page(request: Request, scope: Scope, found: LookedUp) -> Response:
    view = str(request.values.choice("view"))
    difference = _difference(request, scope, found)
    head = head_of(request, scope, found)
    return page(
        "diff.html",
        _frame(request, scope, found, difference),
        **{**head, "timeline": [_mark(scope, mark, difference) for mark in head["timeline"]]},
        **_context(scope, difference),
        view=view,
        views=[(word, _here(scope, difference, view=word)) for word in VIEWS],
        raw=_raw(request, difference) if view == "raw" else [],
    )


def _frame(request: Request, scope: Scope, found: LookedUp, difference: ObjectDifference) -> Frame:
    frame = frame_of(request, scope, found, "diff")
    forms = [Form(form, _here(scope, difference, form)) for form in FORMS]
    return replace(frame, forms=forms, title=f"{difference.since} → {frame.title}")


def _here(
    scope: Scope, difference: ObjectDifference, extension: str = "", view: str = "", since: str | None = None
) -> str:
    """The address of this comparison in another form or view, or since another release."""
    object_id = difference.after.external_id or difference.after.stix_id
    asked = {"from": since or difference.since, "view": "" if view == VIEWS[0] else view}
    return addresses.of_object(scope.kb.slug, scope.label, object_id, "diff", extension, **asked)


def _mark(scope: Scope, mark: Mark, difference: ObjectDifference) -> Mark:
    """A release of the timeline, with a link that compares it with the release of the page."""
    if mark.address is None or mark.release == scope.label:
        return mark
    compared = _here(scope, difference, since=mark.release)
    return replace(mark, address=compared, is_end=mark.release == difference.since)


def _context(scope: Scope, difference: ObjectDifference) -> dict[str, Any]:
    shown = _Shown(scope, difference)
    folded = [
        (title, [shown.changed(one) for one in difference.properties if one.change_class == known])
        for known, title in _TITLES.items()
        if difference.counts.get(known)
    ]
    changed = [shown.changed(one) for one in difference.properties if one.change_class not in _TITLES]
    relations = [shown.relations(kind, it.added, it.removed) for kind, it in difference.relationships.items()]
    return {
        "difference": difference,
        "outcomes": [difference.outcome, *difference.also],
        "changed": changed,
        "folded": folded,
        "relations": relations,
        "moved_relations": sum(len(it.added) + len(it.removed) for it in difference.relationships.values()),
    }


def _raw(request: Request, difference: ObjectDifference) -> list[Item] | None:
    """Both states as published, indented, as the lines of a unified diff; None if they are too long to compare."""
    before, after = (_lines(request, at) for at in (difference.before, difference.after))
    if len(before) + len(after) > _MOST_LINES:
        return None
    lines = unified_diff(before, after, difference.since, difference.label, n=3, lineterm="")
    return [Item(line[:1] if line[:3] not in ("---", "+++") else "@", line) for line in lines]


def _lines(request: Request, at: ObjectAt) -> list[str]:
    found = look_up(request.library, request.kb, at.stix_id, at.label)
    assert not isinstance(found, Absent)
    return msgspec.json.format(found.view.content, indent=2).decode("utf-8", "replace").splitlines()


def _as_json(request: Request, scope: Scope, found: LookedUp) -> Response:
    query = addresses.query_of(**{"from": request.values.text("from"), "to": scope.label})
    return answer_at(request, addresses.api_of(scope.kb, "objects", found.view.id, "diff"), query)


def _as_markdown(request: Request, scope: Scope, found: LookedUp) -> Response:
    difference = _difference(request, scope, found)
    context = {**head_of(request, scope, found), **_context(scope, difference)}
    return markdown("diff.md", {**context, "scope": scope, "address": _here(scope, difference)})


FORMS: Final = {".json": _as_json, ".md": _as_markdown}

the_differences = one_object("diff", _page, {})
differences_as = {extension: one_object(f"diff{extension}", answer, {}) for extension, answer in FORMS.items()}
