"""The states of an object, and the releases that hold it in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import allowed, brief, candidates_of, hidden
from ctibutler.catalog import objects, releases
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.objects import Found
from ctibutler.errors import Hidden, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, text


class ObjectState(msgspec.Struct, frozen=True, kw_only=True):
    """One state of an object, and the releases that hold it in this state, newest first.

    `digest` (hexadecimal) is set where states are told apart by their content.
    """

    modified: str | None
    digest: str | msgspec.UnsetType = msgspec.UNSET
    releases: tuple[str, ...] = msgspec.field(name="versions")


@dataclass(frozen=True, slots=True)
class _Holding:
    """An object as one release holds it. `modified` is as published."""

    release: str
    found: Found
    modified: str | None


def versions_by_modified(
    library: Library, kb: KnowledgeBase, object_id: str, include_revoked: bool = True, include_deprecated: bool = True
) -> list[ObjectState]:
    """Return the states of an object in the installed releases, told apart by `modified`, newest first.

    Raises NotFound if no release has it, Hidden if it is revoked or deprecated in all that have it.
    """
    held = _holdings(library, kb, object_id, include_revoked, include_deprecated)
    return [
        ObjectState(modified=group[0].modified, releases=_labels(group))
        for group in _grouped(held, lambda holding: holding.modified)
    ]


def versions_by_content(
    library: Library, kb: KnowledgeBase, object_id: str, include_revoked: bool = True, include_deprecated: bool = True
) -> list[ObjectState]:
    """Return the states of an object in the installed releases, told apart by content, newest first.

    Publishers edit objects without touching `modified`: these states can be more than those by `modified`.

    Raises NotFound if no release has it, Hidden if it is revoked or deprecated in all that have it.
    """
    held = _holdings(library, kb, object_id, include_revoked, include_deprecated)
    return [
        ObjectState(modified=group[0].modified, digest=group[0].found.digest.hex(), releases=_labels(group))
        for group in _grouped(held, lambda holding: holding.found.digest)
    ]


def _holdings(
    library: Library, kb: KnowledgeBase, object_id: str, include_revoked: bool, include_deprecated: bool
) -> list[_Holding]:
    """The object in each release that has it, newest release first."""
    with library.database.read() as connection:
        installed = releases.installed(connection, kb.slug)
        candidates = candidates_of(connection, kb, object_id, installed)
        chosen: list[tuple[str, Found]] = []
        problems: list[Hidden] = []
        for release in installed:
            mine = [found for found in candidates if found.release_key == release.key]
            best = preferred(kb, object_id, allowed(mine, include_revoked, include_deprecated))
            if best is not None:
                chosen.append((release.label, best))
            elif mine:
                problems.append(hidden(kb, object_id, release, mine, include_revoked))
        bodies = objects.contents(connection, [found.object_key for _, found in chosen])
    if chosen:
        return [
            _Holding(label, found, text(decode(content), "modified"))
            for (label, found), content in zip(chosen, bodies, strict=True)
        ]
    raise problems[0] if problems else NotFound(f"no object `{brief(object_id)}` in any installed release of {kb.slug}")


def _grouped(held: Iterable[_Holding], key: Callable[[_Holding], object]) -> list[list[_Holding]]:
    groups: dict[object, list[_Holding]] = {}
    for holding in held:
        groups.setdefault(key(holding), []).append(holding)
    return sorted(groups.values(), key=_newest, reverse=True)


def _newest(group: Sequence[_Holding]) -> int:
    modified = group[0].found.modified
    return -1 if modified is None else modified


def _labels(group: Sequence[_Holding]) -> tuple[str, ...]:
    return tuple(holding.release for holding in group)
