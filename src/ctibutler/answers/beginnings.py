"""Objects by the beginning of an id, a name or an alias, and by a name that they had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.object_view import ObjectView
from ctibutler.catalog import objects, releases, suggestions
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded, squashed
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.properties import property_values

_ALIASES = property_values("aliases", "x_mitre_aliases", "x_opencti_aliases")
# A shorter beginning is that of hundreds of former names.
_SHORTEST_FORMER = 3


@dataclass(frozen=True, slots=True)
class Beginning:
    """An object and why it is meant: an alias that begins like the text, or a name that it had up to a release."""

    view: ObjectView
    alias: str | None = None
    former: str | None = None
    until: str | None = None


def beginning_with(
    library: Library, text: str, most: int, release: tuple[KnowledgeBase, str] | None = None
) -> list[Beginning]:
    """Return the objects whose id, name or alias begins with a text, in a release or in all latest ones; the most likely first.
    Case, accents, blanks and punctuation are ignored."""
    asked = squashed(text)
    if not asked:
        return []
    with library.database.read() as connection:
        among = _among(connection, release)
        found = suggestions.beginning(connection, list(among), asked, most)
        views = _views(library, connection, [(key, among[release_key]) for key, release_key in found])
    made = [Beginning(view, alias=_alias(view, asked)) for view in views]
    literal = folded(text.strip())
    # `cozy b` begins Cozy Bear; CozyBear only without the blank.
    return made if literal == asked else sorted(made, key=lambda it: not _is_literal(it, literal))


def formerly_called(
    library: Library, text: str, most: int, release: tuple[KnowledgeBase, str] | None = None
) -> list[Beginning]:
    """Return the objects of a release, or of all latest ones, that were once called by a name which begins with a text."""
    asked = squashed(text)
    if len(asked) < _SHORTEST_FORMER:
        return []
    with library.database.read() as connection:
        among = _among(connection, release)
        found = suggestions.formerly(connection, list(among), asked, most)
        views = _views(library, connection, [(present, among[key]) for _, present, key in found])
        made = []
        for (former_key, _, _), view in zip(found, views, strict=True):
            if view.knowledge_base is None:
                continue
            installed = {it.key: it for it in releases.installed(connection, view.knowledge_base.slug)}
            # Later contents need not have higher keys: releases are installed in any order.
            held = {
                release_key
                for object_key in suggestions.with_the_same_name(connection, former_key)
                for release_key in objects.releases_holding(connection, object_key, list(installed))
            }
            last = max((installed[key] for key in held), key=lambda it: it.sort_key, default=None)
            name = ObjectView(objects.content(connection, former_key), view.knowledge_base).name
            made.append(Beginning(view, former=name, until=last.label if last else None))
    return made


def _among(connection: Connection, release: tuple[KnowledgeBase, str] | None) -> dict[int, Release]:
    if release is None:
        return {it.key: it for it in releases.latest(connection)}
    found = releases.find(connection, release[0].slug, release[1])
    return {found.key: found} if found is not None else {}


def _views(library: Library, connection: Connection, found: Sequence[tuple[int, Release]]) -> list[ObjectView]:
    contents = objects.contents(connection, [key for key, _ in found])
    return [
        ObjectView(content, library.knowledge_bases.named(release.knowledge_base), release.label)
        for content, (_, release) in zip(contents, found, strict=True)
    ]


def _is_literal(found: Beginning, literal: str) -> bool:
    return any(
        folded(text or "").startswith(literal) for text in (found.alias, found.view.name, found.view.external_id)
    )


def _alias(view: ObjectView, asked: str) -> str | None:
    if any(squashed(text or "").startswith(asked) for text in (view.external_id, view.name)):
        return None
    return next((alias for alias in _ALIASES(view.properties) if squashed(alias).startswith(asked)), None)
