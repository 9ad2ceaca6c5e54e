"""What differs between two releases of a knowledge base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.catalog import comparisons, objects
from ctibutler.catalog.comparisons import Member
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.comparing.differences import (
    ChangeKind,
    Difference,
    change_of,
    changed_properties,
    is_same,
    read_content,
)

# Contents of this many ids are decoded at once.
_PORTION = 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two releases of a knowledge base, compared. `old` is None where there is nothing to compare with: everything was added.

    `differences` has every id that differs, sorted by id. `unchanged` is the number of ids that do not, by type.
    """

    old: Release | None
    new: Release
    differences: Sequence[Difference]
    unchanged: Mapping[str, int]


def compare(connection: Connection, old: Release | None, new: Release) -> Comparison:
    """Compare two releases of one knowledge base by the contents of their STIX ids. Either may be the higher one."""
    found = _differences(connection, old, new)
    in_new = Counter(comparisons.ids_by_type(connection, new))
    in_new.subtract(difference.type for difference in found if difference.after)
    return Comparison(old, new, found, {name: count for name, count in in_new.items() if count})


def _differences(connection: Connection, old: Release | None, new: Release) -> list[Difference]:
    before: dict[str, list[Member]] = {}
    after: dict[str, list[Member]] = {}
    for member in comparisons.members_of_differing_ids(connection, old, new):
        side = after if member.release_key == new.key else before
        side.setdefault(member.stix_id, []).append(member)
    found: list[Difference] = []
    in_both: list[str] = []
    for stix_id in sorted(before.keys() | after.keys()):
        if stix_id not in before:
            found.append(_one_sided(stix_id, (), after[stix_id]))
        elif stix_id not in after:
            found.append(_one_sided(stix_id, before[stix_id], ()))
        else:
            in_both.append(stix_id)
    for start in range(0, len(in_both), _PORTION):
        portion = {stix_id: (before[stix_id], after[stix_id]) for stix_id in in_both[start : start + _PORTION]}
        found += _two_sided(connection, portion)
    return sorted(found, key=lambda difference: difference.id)


def _one_sided(stix_id: str, before: Sequence[Member], after: Sequence[Member]) -> Difference:
    shown = (after or before)[0]
    change: ChangeKind = "added" if after else "removed"
    return Difference(stix_id, change, _keys(before), _keys(after), shown.folded_name or "", shown.external_id)


def _two_sided(
    connection: Connection, members: Mapping[str, tuple[Sequence[Member], Sequence[Member]]]
) -> Iterator[Difference]:
    """Those of these ids whose contents differ by more than the order of keys."""
    keys = sorted({member.object_key for sides in members.values() for side in sides for member in side})
    contents = dict(zip(keys, map(read_content, objects.contents(connection, keys)), strict=True))
    for stix_id, (before, after) in members.items():
        old = [contents[member.object_key] for member in before]
        new = [contents[member.object_key] for member in after]
        changed = changed_properties(old, new)
        if changed or (len(old) + len(new) > 2 and not is_same(old, new)):
            yield Difference(
                stix_id,
                change_of(old, new, changed),
                _keys(before),
                _keys(after),
                after[0].folded_name or "",
                after[0].external_id,
                changed,
            )


def _keys(members: Sequence[Member]) -> tuple[int, ...]:
    return tuple([member.object_key for member in members])
