"""The texts of one page: rendered in their dialect, with links that stay in the release, and footnotes in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.reading_ids import ids_in
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.pages import addresses
from ctibutler.pages.text import Notes, Own, addresses_in, in_one_line, rendered
from ctibutler.stix.objects import external_references


class Texts:
    """Renders the texts of a page about one release."""

    def __init__(
        self, library: Library, kb: KnowledgeBase, label: str, sources: Iterable[ObjectView], address: str = ""
    ) -> None:
        """`sources` are the objects whose texts and references the page shows, `address` is that of the page: no text has a
        link to it."""
        self.notes = Notes()
        self._kb = kb
        written = set[str]()
        for view in sources:
            self.notes.learn(external_references(view.properties))
            for value in view.properties.values():
                written.update(_addresses(value))
        self._own = _without(_own_links(library, kb, label, written), address)

    def block(self, text: str) -> Markup:
        """Return a text as paragraphs."""
        return rendered(text, self._kb.dialect, self.notes, self._own)

    def line(self, text: str, about: str = "") -> Markup:
        """Return a text for a cell of a row that is about what has this address: there are no links to that."""
        return in_one_line(text, self._kb.dialect, self.notes, _without(self._own, about))


def _addresses(value: object) -> list[str]:
    if isinstance(value, str):
        return addresses_in(value) if "/" in value else []
    items = value if isinstance(value, list) else value.values() if isinstance(value, Mapping) else ()
    return [address for item in items for address in _addresses(item)]


def _own_links(library: Library, kb: KnowledgeBase, label: str, written: set[str]) -> Own:
    named = {address: external_id for address in written if (external_id := _id_in(kb, address))}
    with library.database.read() as connection:
        means = ids_in(connection, kb, label, set(named.values()))

    def own(address: str) -> str | None:
        external_id = _id_in(kb, address)
        found = means.get(external_id) if external_id else None
        if found is None or found.external_id is None:
            return None
        return addresses.of_object(kb.slug, label, found.external_id)

    return own


def _without(own: Own, left_out: str) -> Own:
    def other(address: str) -> str | None:
        ours = own(address)
        return "" if ours and ours == left_out else ours

    return other


def _id_in(kb: KnowledgeBase, address: str) -> str | None:
    for form in kb.address_forms:
        if match := form.pattern.match(address):
            return form.id.format(match[1].replace("/", "."))
    return None
