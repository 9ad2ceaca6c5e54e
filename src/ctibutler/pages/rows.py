"""Objects as rows of tables and lists: their mark, id, name and address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.reading_ids import Place, place_of, reading_ids
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import is_kind, kind_of
from ctibutler.knowledge_bases.layouts import Shape
from ctibutler.knowledge_bases.matrices import can_be_set
from ctibutler.pages import addresses
from ctibutler.pages.templating import short_title
from ctibutler.pages.text import EMPTY
from ctibutler.stix.objects import RELATIONSHIP

_LONGEST_NAME = 90


@dataclass(frozen=True)
class Row:
    """An object in a table. `id` is its short id, empty if it has none; `elsewhere` the release that it is in, if that is not
    the one of the page."""

    id: str
    name: str
    address: str
    kind: str
    shape: str
    status: str = "live"
    text: Markup = EMPTY
    elsewhere: str = ""
    note: str = ""
    can_be_set: bool = False
    """Whether it can be marked for a set of the matrix."""


def shape_of(kb: KnowledgeBase | None, view: ObjectView) -> Shape:
    """Return the mark of an object's kind."""
    for word in kb.kinds if kb else ():
        if view.type in word.types and is_kind(word, view.properties):
            return word.shape
    return "other"


def shape_of_type(kb: KnowledgeBase, stix_type: str) -> str:
    """Return the mark of objects of a type: that of the first kind with it."""
    return next((word.shape for word in kb.kinds if stix_type in word.types), "other")


def name_of(view: ObjectView) -> str:
    """Return the name of an object, cut if it is a whole text; without one, its STIX id."""
    name = " ".join((view.name or "").split())
    if not name:
        return _tlp_name(view) or view.id
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def status_of(view: ObjectView) -> str:
    """Return `revoked`, `deprecated` or `live`."""
    return "revoked" if view.is_revoked else "deprecated" if view.is_deprecated else "live"


class Rows:
    """Makes rows of objects, with addresses that lead to them and nothing else. `home` is the release of the page."""

    def __init__(self, library: Library, shown: Iterable[ObjectView], home: tuple[str, str] | None = None) -> None:
        self._ids: Mapping[Place, str] = reading_ids(library, shown)
        self._home = home
        self._markable: dict[tuple[str, str], bool] = {}

    def address_of(self, view: ObjectView) -> str:
        """Return the address of an object, empty if it has none: it is in no release, or it is a relationship."""
        kb, label = view.knowledge_base, view.release
        if kb is None or label is None or view.type == RELATIONSHIP:
            return ""
        object_id = self._ids[place_of(view)]
        return addresses.of_object(kb.slug, label, object_id if addresses.can_be_read(object_id) else view.id)

    def row(self, view: ObjectView, text: Markup = EMPTY, note: str = "") -> Row:
        """Return the row of an object."""
        kb, label, kind = view.knowledge_base, view.release, kind_of(view.knowledge_base, view.type, view.properties)
        is_away = kb is not None and label is not None and (kb.slug, label) != self._home
        return Row(
            view.external_id or "",
            name_of(view),
            self.address_of(view),
            kind,
            shape_of(kb, view),
            status_of(view),
            text,
            f"{short_title(kb)} {label}" if is_away and kb is not None else "",
            note,
            kb is not None and status_of(view) == "live" and self._is_markable(kb, kind),
        )

    def _is_markable(self, kb: KnowledgeBase, kind: str) -> bool:
        if (kb.slug, kind) not in self._markable:
            self._markable[kb.slug, kind] = can_be_set(kb, kind)
        return self._markable[kb.slug, kind]


def _tlp_name(view: ObjectView) -> str:
    definition = view.properties.get("definition")
    statement = definition.get("statement") if isinstance(definition, dict) else None
    return statement[:_LONGEST_NAME] if isinstance(statement, str) else ""
