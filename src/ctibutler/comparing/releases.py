"""What differs between two releases of a knowledge base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctibutler.catalog import comparisons, objects
from ctibutler.catalog.comparisons import Member
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.comparing.differences import ChangeKind, Difference, is_same, read_content

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
    doubtful: list[str] = []
    for stix_id in sorted(before.keys() | after.keys()):
        if stix_id not in before:
            found.append(_one_sided(stix_id, (), after[stix_id]))
        elif stix_id not in after:
            found.append(_one_sided(stix_id, before[stix_id], ()))
        elif _have_other_times(before[stix_id], after[stix_id]):
            found.append(_two_sided(stix_id, before[stix_id], after[stix_id]))
        else:
            doubtful.append(stix_id)
    for start in range(0, len(doubtful), _PORTION):
        portion = {stix_id: (before[stix_id], after[stix_id]) for stix_id in doubtful[start : start + _PORTION]}
        found += [_two_sided(stix_id, *portion[stix_id]) for stix_id in _differing(connection, portion)]
    return sorted(found, key=lambda difference: difference.id)


def _one_sided(stix_id: str, before: Sequence[Member], after: Sequence[Member]) -> Difference:
    shown = (after or before)[0]
    change: ChangeKind = "added" if after else "removed"
    return Difference(stix_id, change, _keys(before), _keys(after), shown.folded_name or "", shown.external_id)


def _two_sided(stix_id: str, before: Sequence[Member], after: Sequence[Member]) -> Difference:
    change: ChangeKind = "modified"
    if any(member.revoked for member in after) and not any(member.revoked for member in before):
        change = "revoked"
    elif any(member.deprecated for member in after) and not any(member.deprecated for member in before):
        change = "deprecated"
    first = after[0]
    return Difference(stix_id, change, _keys(before), _keys(after), first.folded_name or "", first.external_id)


def _have_other_times(before: Sequence[Member], after: Sequence[Member]) -> bool:
    """Whether the contents differ in `modified`, so that they need not be read to know that they differ."""
    return len(before) == len(after) == 1 and before[0].modified != after[0].modified


def _differing(
    connection: Connection, members: Mapping[str, tuple[Sequence[Member], Sequence[Member]]]
) -> Iterator[str]:
    """Those of these ids whose contents differ by more than the order of keys."""
    keys = sorted({member.object_key for sides in members.values() for side in sides for member in side})
    contents = dict(zip(keys, map(read_content, objects.contents(connection, keys)), strict=True))
    for stix_id, sides in members.items():
        old, new = [[contents[member.object_key] for member in side] for side in sides]
        if not is_same(old, new):
            yield stix_id


def _keys(members: Sequence[Member]) -> tuple[int, ...]:
    return tuple([member.object_key for member in members])
