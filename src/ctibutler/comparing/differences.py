"""How one STIX id differs between two releases.

Contents are compared as JSON, without regard to the order of keys. Where a release carries one id with several contents, the
set of them is compared. What `modified` says plays no part: publishers edit objects without touching it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from ctibutler.stix.objects import canonical, type_of_id

ChangeKind = Literal["added", "modified", "removed", "revoked", "deprecated"]
CHANGES: Final[tuple[ChangeKind, ...]] = ("added", "modified", "removed", "revoked", "deprecated")

Content = Mapping[str, msgspec.Raw]
"""The top-level properties of an object, each as its JSON: most are the same bytes before and after, and need no decoding."""

read_content = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode


class Difference(msgspec.Struct, frozen=True, gc=False):
    """A STIX id that is not the same in both releases.

    `before` and `after` are the keys of its contents in the catalogue, in the order of the files; one of them is empty for an
    id that was added or removed. `folded_name` and `external_id` are those of the first content after, or before where it was
    removed.
    """

    id: str
    change: ChangeKind
    before: tuple[int, ...]
    after: tuple[int, ...]
    folded_name: str
    external_id: str | None

    @property
    def type(self) -> str:
        """The STIX type."""
        return type_of_id(self.id)


def is_same(old: Sequence[Content], new: Sequence[Content]) -> bool:
    """Whether an id has the same contents in both releases, apart from the order of keys."""
    if len(old) == len(new) == 1:
        return not _changed(old[0], new[0])
    return set(map(_whole, old)) == set(map(_whole, new))


def changed_properties(old: Sequence[Content], new: Sequence[Content]) -> tuple[str, ...]:
    """The sorted names of the top-level properties whose value differs; of several contents, whose set of values does."""
    if len(old) == len(new) == 1:
        changed = _changed(old[0], new[0])
    else:
        names = {name for content in (*old, *new) for name in content}
        changed = [name for name in names if _values(old, name) != _values(new, name)]
    return tuple(map(sys.intern, sorted(changed)))


def _changed(before: Content, after: Content) -> list[str]:
    found = after.get
    changed = [name for name, value in before.items() if value != found(name)]
    changed = [name for name in changed if name not in after or not _equal(before[name], after[name])]
    return [*changed, *(after.keys() - before.keys())]


def _equal(before: msgspec.Raw, after: msgspec.Raw) -> bool:
    """Whether two values are the same JSON, though written differently."""
    old, new = _decode(before), _decode(after)
    if type(old) is str and type(new) is str:
        return old == new
    # Python takes 1, 1.0 and true for equal; JSON does not.
    return canonical(old) == canonical(new)


def _values(contents: Sequence[Content], name: str) -> set[bytes]:
    return {canonical(_decode(content[name])) if name in content else b"" for content in contents}


def _whole(content: Content) -> bytes:
    return canonical({name: _decode(value) for name, value in content.items()})
