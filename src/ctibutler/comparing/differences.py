"""How one STIX id differs between two releases.

Contents are compared as JSON, without regard to the order of keys. Where a release carries one id with several contents, the
set of them is compared. What `modified` says plays no part: publishers edit objects without touching it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ctibutler.stix.objects import canonical, is_deprecated, is_revoked, type_of_id

ChangeKind = Literal["added", "modified", "removed", "revoked", "deprecated"]
CHANGES: Final[tuple[ChangeKind, ...]] = ("added", "modified", "removed", "revoked", "deprecated")

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A STIX id that is not the same in both releases.

    `before` and `after` are the keys of its contents in the catalogue, in the order of the files; one of them is empty for an
    id that was added or removed. `folded_name` and `external_id` are those of the first content after, or before where it was
    removed. `changed_properties` are the sorted names of top-level properties, empty for an id that was added or removed.
    """

    id: str
    change: ChangeKind
    before: tuple[int, ...]
    after: tuple[int, ...]
    folded_name: str
    external_id: str | None
    changed_properties: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The STIX type."""
        return type_of_id(self.id)


def is_same(old: Sequence[Content], new: Sequence[Content]) -> bool:
    """Whether an id has the same contents in both releases, apart from the order of keys."""
    return set(map(canonical, old)) == set(map(canonical, new))


def change_of(old: Sequence[Content], new: Sequence[Content]) -> ChangeKind:
    """How an id changed that both releases have: the first that applies of revoked, deprecated, modified."""
    if any(map(is_revoked, new)) and not any(map(is_revoked, old)):
        return "revoked"
    if any(map(is_deprecated, new)) and not any(map(is_deprecated, old)):
        return "deprecated"
    return "modified"


def changed_properties(old: Sequence[Content], new: Sequence[Content]) -> tuple[str, ...]:
    """The sorted names of the top-level properties whose value differs; of several contents, whose set of values does."""
    names = {name for content in (*old, *new) for name in content}
    if len(old) == len(new) == 1:
        before, after = old[0], new[0]
        changed = [name for name in names if not _equal(before.get(name, _ABSENT), after.get(name, _ABSENT))]
    else:
        changed = [name for name in names if _values(old, name) != _values(new, name)]
    return tuple(map(sys.intern, sorted(changed)))


_ABSENT: Final = object()


def _equal(before: object, after: object) -> bool:
    # Most values are texts, which need no JSON. Python takes 1, 1.0 and true for equal; JSON does not.
    if before is _ABSENT or after is _ABSENT or (type(before) is str and type(after) is str):
        return before == after
    return canonical(before) == canonical(after)


def _values(contents: Sequence[Content], name: str) -> set[bytes]:
    return {canonical(content[name]) if name in content else b"" for content in contents}
