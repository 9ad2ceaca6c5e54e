"""What changed from one release to another, by content and not by `modified`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.pages import Page, PageRequest, Sort, cut
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import natural_order
from ctibutler.catalog.releases import Release
from ctibutler.comparing.differences import CHANGES, ChangeKind, Difference, changed_properties, read_content
from ctibutler.comparing.releases import Comparison
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP

UNCHANGED: Final = "unchanged"


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """The release to compare with (None: the next lower one), and which changes to return. `sort` has a key of `SORT_KEYS`."""

    since: str | None = None
    change: Sequence[str] | None = None
    types: Sequence[str] | None = None
    page: PageRequest = PageRequest()
    sort: Sort = Sort("id")


class ChangeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A STIX id that differs between two releases.

    Name and primary id are those of the first content after, or before if it was removed. Times are as published.
    `changed_properties` are the sorted names of top-level properties whose value differs, none if the id was added or removed.
    """

    id: str
    type: str
    name: str | None
    external_id: str | None
    change: ChangeKind
    before_modified: str | None
    after_modified: str | None
    changed_properties: tuple[str, ...]


class Change(ChangeFacts, frozen=True, kw_only=True):
    """A STIX id that differs between two releases, with its contents as published, in the order of the files.

    `before` is empty if the id was added, `after` if it was removed.
    """

    before: tuple[ObjectView, ...]
    after: tuple[ObjectView, ...]


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A page of the changes of a release since another one that pass the filters.

    `counts` are over the whole comparison: STIX type → kind of change, or `unchanged` → number of ids. `since` is None if
    there was no lower release.
    """

    knowledge_base: str
    release: str
    since: str | None
    counts: Mapping[str, Mapping[str, int]]
    page: Page[Change]

    def counted(self, passes: Callable[[str], bool] = lambda _: True) -> dict[str, int]:
        """Kind of change, or `unchanged` → number of ids of the STIX types that pass, zeros included."""
        passing = [counts for stix_type, counts in self.counts.items() if passes(stix_type)]
        return {kind: sum(counts.get(kind, 0) for counts in passing) for kind in (*CHANGES, UNCHANGED)}


def changes(library: Library, kb: KnowledgeBase, label: str | None, query: ChangesQuery) -> ChangesPage:
    """The ids that differ between a release and another one, each once, with the first change that applies: added, removed,
    revoked or deprecated since, modified.

    Raises NotFound when a release is not installed.
    """
    with library.database.read() as connection:
        comparison, passing = differences(library, connection, kb, label, query)
        shown = cut(passing, query.page)
        return ChangesPage(
            knowledge_base=kb.slug,
            release=comparison.new.label,
            since=comparison.old.label if comparison.old else None,
            counts=_counts(comparison),
            page=shown.with_items(changes_of(connection, kb, comparison, shown.items)),
        )


def differences(
    library: Library, connection: Connection, kb: KnowledgeBase, label: str | None, query: ChangesQuery
) -> tuple[Comparison, list[Difference]]:
    """Return the comparison of a release with another one, and its differences that pass the filters, sorted.

    Raises NotFound when a release is not installed.
    """
    release = installed_release(connection, kb, label)
    comparison = library.comparisons.compare(connection, lower_release(connection, kb, release, query.since), release)
    return comparison, _sorted([found for found in comparison.differences if _passes(found, query)], query.sort)


def lower_release(connection: Connection, kb: KnowledgeBase, release: Release, label: str | None) -> Release | None:
    """Return the release with this label, for None the next one below a release; None if there is none.

    Raises NotFound when it is not installed.
    """
    if label is not None:
        return installed_release(connection, kb, label)
    lower = [other for other in releases.installed(connection, kb.slug) if other.sort_key < release.sort_key]
    return lower[0] if lower else None


def _counts(comparison: Comparison) -> dict[str, Counter[str]]:
    counts = {stix_type: Counter({UNCHANGED: number}) for stix_type, number in comparison.unchanged.items()}
    changed = Counter((difference.type, difference.change) for difference in comparison.differences)
    for (stix_type, change), number in changed.items():
        counts.setdefault(stix_type, Counter())[change] = number
    return counts


def _passes(difference: Difference, query: ChangesQuery) -> bool:
    if query.change is not None and difference.change not in query.change:
        return False
    return query.types is None or difference.type in query.types


def _type_and_number(difference: Difference) -> tuple[str, ...]:
    last = "1" if difference.type == RELATIONSHIP else "0"
    return last, difference.type, natural_order(difference.external_id or ""), difference.id


SORT_KEYS: Mapping[str, Callable[[Difference], tuple[str, ...]]] = {
    "id": lambda difference: (difference.id,),
    "type": lambda difference: (difference.type,),
    "name": lambda difference: (difference.folded_name,),
    "change": lambda difference: (difference.change,),
    "number": _type_and_number,
}
"""`number`: by type and primary id, as people count, with relationships last."""


def _sorted(by_id: list[Difference], sort: Sort) -> list[Difference]:
    return sorted(by_id, key=SORT_KEYS[sort.key], reverse=sort.descending)


def changes_of(
    connection: Connection, kb: KnowledgeBase, comparison: Comparison, shown: Sequence[Difference]
) -> list[Change]:
    """Return differences of a comparison with their contents."""
    old, new = comparison.old, comparison.new
    keys = sorted({key for difference in shown for key in (*difference.before, *difference.after)})
    contents = dict(zip(keys, objects.contents(connection, keys), strict=True))
    return [
        _change(
            difference,
            tuple(views((contents[key] for key in difference.before), kb, old.label if old else None)),
            tuple(views((contents[key] for key in difference.after), kb, new.label)),
            _changed_properties(contents, difference),
        )
        for difference in shown
    ]


def _changed_properties(contents: Mapping[int, bytes], difference: Difference) -> tuple[str, ...]:
    old, new = [[read_content(contents[key]) for key in keys] for keys in (difference.before, difference.after)]
    return changed_properties(old, new) if old and new else ()


def _change(
    difference: Difference,
    before: tuple[ObjectView, ...],
    after: tuple[ObjectView, ...],
    properties: tuple[str, ...],
) -> Change:
    shown = (after or before)[0]
    return Change(
        id=difference.id,
        type=difference.type,
        name=shown.name,
        external_id=shown.external_id,
        change=difference.change,
        before_modified=before[0].modified if before else None,
        after_modified=after[0].modified if after else None,
        changed_properties=properties,
        before=before,
        after=after,
    )
