"""The names of the objects at the ends of relationships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ctibutler.catalog import members, objects
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.objects import decode, text


@dataclass(frozen=True, slots=True)
class End:
    """What a table shows of the object at an end."""

    external_id: str | None
    name: str | None
    kind: str | None


_NOWHERE = End(None, None, None)


@dataclass(slots=True)
class EndNames:
    """Looks up objects in some releases, the first one that has it, and remembers what it found.

    `among` are the releases, with their knowledge bases.
    """

    among: Sequence[tuple[KnowledgeBase, Release]]
    _known: dict[str, End] = field(default_factory=dict)

    def of(self, connection: Connection, stix_ids: Iterable[str]) -> Mapping[str, End]:
        """Return STIX id → name. An object in none of the releases has none."""
        asked = set(stix_ids)
        missing = asked - self._known.keys()
        for kb, release in self.among:
            if missing:
                self._known |= _ends(connection, kb, release, missing)
                missing -= self._known.keys()
        return {stix_id: self._known.get(stix_id, _NOWHERE) for stix_id in asked}


def _ends(connection: Connection, kb: KnowledgeBase, release: Release, stix_ids: set[str]) -> dict[str, End]:
    found = members.with_ids(connection, release.key, stix_ids)
    contents = objects.contents(connection, [key for _, key in found])
    ends = {}
    for (stix_id, _), content in zip(found, contents, strict=True):
        properties = decode(content)
        kind = kind_of(kb, text(properties, "type") or "", properties)
        ends[stix_id] = End(kb.primary_id(properties), text(properties, "name"), kind)
    return ends
