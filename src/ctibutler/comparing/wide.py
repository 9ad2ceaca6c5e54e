"""What releases changed for all objects of a type, one type at a time, kept for the next question."""

from __future__ import annotations

from ctibutler.catalog import entries as catalog
from ctibutler.catalog import objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.kept import Kept
from ctibutler.catalog.releases import Release, Stamp
from ctibutler.comparing.classes import ReleaseWide, release_wide
from ctibutler.comparing.differences import read_content
from ctibutler.comparing.heirs import Side, same_object
from ctibutler.knowledge_bases.declaration import KnowledgeBase

# 60 releases are at hand, of which hardly any has more than five types with changes.
_MOST_KEPT = 500

_Asked = tuple[Stamp, Stamp, str]


class KeptReleaseWide:
    """Remembers what pairs of releases of one catalogue changed for all objects of a type.

    Comparing two whole releases takes half a second. Whoever asks about one object needs its type alone, and seldom that.
    """

    def __init__(self) -> None:
        self._kept = Kept[_Asked, ReleaseWide](_MOST_KEPT)

    def of_type(
        self, connection: Connection, kb: KnowledgeBase, old: Release, new: Release, stix_type: str
    ) -> ReleaseWide:
        """Return what a release changed, since another one, for all live objects of a type."""
        asked = (old.stamp, new.stamp, stix_type)
        return self._kept.get(asked, lambda: _of_type(connection, kb, old, new, stix_type))


def _of_type(connection: Connection, kb: KnowledgeBase, old: Release, new: Release, stix_type: str) -> ReleaseWide:
    family = kb.family_of(stix_type)
    before, after = [Side(kb, release, catalog.of_types(connection, release.key, family)) for release in (old, new)]
    pairs = []
    for entry in before.by_id.values():
        same, _ = same_object(entry, after) if entry.type == stix_type and entry.is_live else (None, False)
        if same is not None and same.is_live and same.type == stix_type:
            pairs.append((entry, same))
    live = [
        [entry for entry in side.by_id.values() if entry.is_live and entry.type == stix_type]
        for side in (before, after)
    ]
    keys = sorted({entry.object_key for side in live for entry in side})
    contents = dict(zip(keys, map(read_content, objects.contents(connection, keys)), strict=True))
    return release_wide(
        kb,
        {stix_type: [(contents[one.object_key], contents[other.object_key]) for one, other in pairs]},
        *[{stix_type: [contents[entry.object_key] for entry in side]} for side in live],
    )
