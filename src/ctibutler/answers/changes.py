"""What changed from one release to another: by content, not by what `modified` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.objects import installed_release
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import canonical, decode, is_deprecated, is_revoked, text, type_of_id

CHANGES = ("added", "modified", "removed", "revoked", "deprecated")


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """A comparison's other release (None: the next lower one), its filters, and whether to give the objects' bodies."""

    since: str | None = None
    change: Sequence[str] | None = None
    types: Sequence[str] | None = None
    include_objects: bool = False
    page: PageRequest = PageRequest()
    sort: Sort = Sort("id")


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A page of changes; `counts` are over the whole comparison."""

    page: Page
    knowledge_base: str
    version: str
    since: str | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Change:
    """How one id differs: the keys of its contents before and after."""

    id: str
    change: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    name: str


def changes(library: Library, kb: KnowledgeBase, label: str | None, query: ChangesQuery) -> ChangesPage:
    """The objects of the release file that differ from those of another release, each id once.

    The first that applies: added, removed, revoked or deprecated since, modified. Objects are compared as JSON with sorted
    keys; where a release carries one id with several contents, the set of them is.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        since = _since(connection, kb, release, query.since)
        question = ("changes", release.key, since and since.key)
        found = library.long_lists.get(connection, question, lambda: _compared(connection, release, since))
        counted = Counter(change.change for change in found)
        unchanged = _ids_in(connection, release) - sum(counted[change] for change in CHANGES if change != "removed")
        counts = {**dict.fromkeys(CHANGES, 0), **counted, "unchanged": unchanged}
        passing = _sorted([change for change in found if _passes(change, query)], query.sort)
        page = cut(passing, query.page, lambda shown: _rendered(connection, kb, shown, query.include_objects))
    return ChangesPage(page, kb.slug, release.label, since.label if since else None, counts)


def _since(connection: Connection, kb: KnowledgeBase, release: Release, label: str | None) -> Release | None:
    if label is not None:
        return installed_release(connection, kb, label)
    lower = [other for other in releases.installed(connection, kb.slug) if other.sort_key < release.sort_key]
    return lower[0] if lower else None


def _compared(connection: Connection, release: Release, since: Release | None) -> list[_Change]:
    """The ids that differ."""
    after = _contents_by_id(connection, release)
    before = _contents_by_id(connection, since) if since else {}
    found = [
        _Change(stix_id, "added", (), keys, name) for stix_id, (keys, name) in after.items() if stix_id not in before
    ]
    found += [
        _Change(stix_id, "removed", keys, (), name) for stix_id, (keys, name) in before.items() if stix_id not in after
    ]
    doubtful = [
        (stix_id, before[stix_id][0], keys, name)
        for stix_id, (keys, name) in after.items()
        if stix_id in before and set(before[stix_id][0]) != set(keys)
    ]
    return found + _really_differing(connection, doubtful)


def _ids_in(connection: Connection, release: Release) -> int:
    """How many ids a release has."""
    return int(
        connection.value("SELECT count(*) FROM member WHERE release_key = :release AND repeat = 0", release=release.key)
    )


def _contents_by_id(connection: Connection, release: Release) -> dict[str, tuple[tuple[int, ...], str]]:
    """STIX id → the keys of its contents in a release, in file order, and the first one's folded name."""
    rows = connection.rows(
        """
        SELECT identifier.stix_id, object.object_key, object.name
          FROM member
          JOIN object     ON object.object_key = member.object_key
          JOIN identifier ON identifier.identifier_key = object.identifier_key
         WHERE member.release_key = :release
         ORDER BY member.position
        """,
        release=release.key,
    )
    by_id: dict[str, tuple[tuple[int, ...], str]] = {}
    for row in rows:
        keys, first_name = by_id.get(row.stix_id, ((), row.name or ""))
        by_id[row.stix_id] = ((*keys, row.object_key), first_name)
    return by_id


# Bodies of this many objects are decoded at once.
_PORTION = 1000


def _really_differing(
    connection: Connection, doubtful: Sequence[tuple[str, tuple[int, ...], tuple[int, ...], str]]
) -> list[_Change]:
    """Those whose contents differ by more than the order of their keys, each with its change."""
    differing = []
    for start in range(0, len(doubtful), _PORTION):
        portion = doubtful[start : start + _PORTION]
        keys = sorted({key for _, before, after, _ in portion for key in (*before, *after)})
        bodies = dict(zip(keys, map(decode, catalog.contents(connection, keys)), strict=True))
        for stix_id, before, after, name in portion:
            old, new = [bodies[key] for key in before], [bodies[key] for key in after]
            if {canonical(item) for item in old} != {canonical(item) for item in new}:
                differing.append(_Change(stix_id, _kind(old, new), before, after, name))
    return differing


def _kind(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> str:
    if any(map(is_revoked, new)) and not any(map(is_revoked, old)):
        return "revoked"
    if any(map(is_deprecated, new)) and not any(map(is_deprecated, old)):
        return "deprecated"
    return "modified"


def _passes(change: _Change, query: ChangesQuery) -> bool:
    if query.change is not None and change.change not in query.change:
        return False
    return query.types is None or type_of_id(change.id) in query.types


def _sorted(found: list[_Change], sort: Sort) -> list[_Change]:
    found.sort(key=lambda change: change.id)
    keys = {
        "id": lambda change: change.id,
        "type": lambda change: type_of_id(change.id),
        "name": lambda change: change.name,
        "change": lambda change: change.change,
    }
    return sorted(found, key=keys[sort.key], reverse=sort.descending)


def _rendered(
    connection: Connection, kb: KnowledgeBase, shown: Sequence[_Change], include_objects: bool
) -> list[bytes]:
    keys = sorted({key for change in shown for key in (*change.before, *change.after)})
    bodies = dict(zip(keys, catalog.contents(connection, keys), strict=True))
    return [
        msgspec.json.encode(
            _described(
                kb,
                change,
                [bodies[key] for key in change.before],
                [bodies[key] for key in change.after],
                include_objects,
            )
        )
        for change in shown
    ]


def _described(
    kb: KnowledgeBase, change: _Change, before: Sequence[bytes], after: Sequence[bytes], include_objects: bool
) -> dict[str, object]:
    old, new = [decode(content) for content in before], [decode(content) for content in after]
    shown = (new or old)[0]
    described: dict[str, object] = {
        "id": change.id,
        "type": type_of_id(change.id),
        "name": text(shown, "name"),
        "external_id": kb.primary_id(shown),
        "change": change.change,
        "before_modified": text(old[0], "modified") if old else None,
        "after_modified": text(new[0], "modified") if new else None,
        "changed_properties": _changed_properties(old, new) if old and new else [],
    }
    if include_objects:
        described["before"] = _one_or_all(before)
        described["after"] = _one_or_all(after)
    return described


def _one_or_all(contents: Sequence[bytes]) -> object:
    """The object, null where there is none, a list where one id has several contents."""
    if len(contents) > 1:
        return [msgspec.Raw(content) for content in contents]
    return msgspec.Raw(contents[0]) if contents else None


def _changed_properties(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of top-level properties whose value is not the same (of several contents: the set of values)."""
    names = {name for item in (*old, *new) for name in item}
    return sorted(name for name in names if _values(old, name) != _values(new, name))


def _values(items: Sequence[Mapping[str, Any]], name: str) -> set[bytes]:
    return {canonical(item[name]) if name in item else b"" for item in items}
