"""An index of a release: objects by id, relationships, and which of them are live."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from connector.knowledge_bases import KnowledgeBase
from connector.stix import StixObject, is_deprecated, is_revoked
from ctibutler_client.releases import Release


@dataclass(frozen=True, slots=True)
class Options:
    """The settings that change the converted objects."""

    marking: str = "clear"
    keep_statement_markings: bool = False
    deprecated: str = "revoke"
    cwe_groupings: bool = False
    detections: bool = True
    location_aliases: bool = True


class ReleaseIndex:
    """One release, indexed."""

    def __init__(self, release: Release, kb: KnowledgeBase, options: Options) -> None:
        self.kb = kb
        self.version = release.version
        self.options = options
        self.objects: dict[str, StixObject] = {}
        self.relationships: list[StixObject] = []
        self.left_out: Counter[str] = Counter()
        for item in release.objects:
            if item["type"] == "relationship":
                self.relationships.append(item)
            elif item["id"] in self.objects:
                self.left_out["second object with the same id"] += 1
            else:
                self.objects[item["id"]] = item
        self._worked_out: dict[str, Any] = {}
        uses = Counter(item["id"] for item in self.relationships)
        self._reused = {stix_id for stix_id, times in uses.items() if times > 1}

    def of_type(self, *types: str) -> Iterator[StixObject]:
        """The objects of these types, in the publisher's order."""
        return (item for item in self.objects.values() if item["type"] in types)

    def relations(self, *types: str) -> Iterator[StixObject]:
        """The publisher's relationships of these types."""
        return (
            item for item in self.relationships if item["relationship_type"] in types
        )

    def is_live(self, item: StixObject) -> bool:
        """Neither revoked nor deprecated. Deprecated objects count as live if the settings keep them."""
        return not is_revoked(item) and (
            self.options.deprecated == "keep" or not is_deprecated(item)
        )

    def is_live_id(self, stix_id: str) -> bool:
        """Whether a live object has this id."""
        item = self.objects.get(stix_id)
        return item is not None and self.is_live(item)

    def own_id(self, relationship: StixObject) -> str | None:
        """The id of a relationship, or None if several relationships share it, as in ATLAS."""
        stix_id: str = relationship["id"]
        return None if stix_id in self._reused else stix_id

    def replaced(self) -> set[str]:
        """Revoked objects that lead to a live one."""
        return {
            item["source_ref"]
            for item in self.relations("revoked-by")
            if self.is_live_id(item["target_ref"])
            and item["source_ref"] in self.objects
            and is_revoked(self.objects[item["source_ref"]])
        }

    def once(self, what: str, work_out: Callable[[], Any]) -> Any:
        """A value that a mapping computes once for each release."""
        if what not in self._worked_out:
            self._worked_out[what] = work_out()
        return self._worked_out[what]

    def names(self, ids: Iterable[str]) -> list[str]:
        """The names of live objects, sorted."""
        return sorted(
            {
                self.objects[stix_id]["name"]
                for stix_id in ids
                if self.is_live_id(stix_id)
            }
        )
