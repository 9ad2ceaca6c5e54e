"""What changed from one release to another: by content, not by what `modified` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.objects import installed_release
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import objects as catalog
from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.comparing.differences import CHANGES, Difference
from ctibutler.comparing.releases import Comparison
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, text


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


def changes(library: Library, kb: KnowledgeBase, label: str | None, query: ChangesQuery) -> ChangesPage:
    """The ids that differ between a release and another one, each once, with the first change that applies: added, removed,
    revoked or deprecated since, modified.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        since = _since(connection, kb, release, query.since)
        comparison = library.comparisons.compare(connection, since, release)
        passing = _sorted([found for found in comparison.differences if _passes(found, query)], query.sort)
        page = cut(passing, query.page, lambda shown: _rendered(connection, kb, shown, query.include_objects))
    return ChangesPage(page, kb.slug, release.label, since.label if since else None, _counts(comparison))


def _since(connection: Connection, kb: KnowledgeBase, release: Release, label: str | None) -> Release | None:
    if label is not None:
        return installed_release(connection, kb, label)
    lower = [other for other in releases.installed(connection, kb.slug) if other.sort_key < release.sort_key]
    return lower[0] if lower else None


def _counts(comparison: Comparison) -> dict[str, int]:
    counted = Counter(difference.change for difference in comparison.differences)
    return {change: counted[change] for change in CHANGES} | {"unchanged": sum(comparison.unchanged.values())}


def _passes(difference: Difference, query: ChangesQuery) -> bool:
    if query.change is not None and difference.change not in query.change:
        return False
    return query.types is None or difference.type in query.types


_SORT_KEYS: Mapping[str, Callable[[Difference], str]] = {
    "id": lambda difference: difference.id,
    "type": lambda difference: difference.type,
    "name": lambda difference: difference.folded_name,
    "change": lambda difference: difference.change,
}


def _sorted(by_id: list[Difference], sort: Sort) -> list[Difference]:
    return sorted(by_id, key=_SORT_KEYS[sort.key], reverse=sort.descending)


def _rendered(
    connection: Connection, kb: KnowledgeBase, shown: Sequence[Difference], include_objects: bool
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
    kb: KnowledgeBase, change: Difference, before: Sequence[bytes], after: Sequence[bytes], include_objects: bool
) -> dict[str, object]:
    old, new = [decode(content) for content in before], [decode(content) for content in after]
    shown = (new or old)[0]
    described: dict[str, object] = {
        "id": change.id,
        "type": change.type,
        "name": text(shown, "name"),
        "external_id": kb.primary_id(shown),
        "change": change.change,
        "before_modified": text(old[0], "modified") if old else None,
        "after_modified": text(new[0], "modified") if new else None,
        "changed_properties": change.changed_properties,
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
