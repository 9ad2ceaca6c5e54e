"""The conversion rules of a knowledge base without peculiarities."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connector import aliases, entities
from connector.markdown import absolute_links
from connector.relationships import Relation
from connector.release_index import ReleaseIndex
from connector.stix import StixObject


class Mapping:
    """The rules of one knowledge base. Each method answers one question of the converter."""

    def takes(self, item: StixObject, index: ReleaseIndex) -> bool:
        """Whether an object becomes an entity."""
        return True

    def name(self, item: StixObject) -> str:
        """The name of the entity."""
        return str(item["name"])

    def aliases(self, item: StixObject, index: ReleaseIndex) -> Sequence[str]:
        """Its other names."""
        return aliases.listed(item, entities.ALIAS_KEYS.get(item["type"], ()))

    def entity(self, item: StixObject, index: ReleaseIndex) -> StixObject:
        """The object with its own properties. The converter adds those that all objects have."""
        return entities.read_by_opencti(item)

    def describe(self, item: StixObject, index: ReleaseIndex) -> str | None:
        """Its description in markdown."""
        return self.text(item.get("description"), index)

    def phases(self, item: StixObject) -> Iterable[dict[str, Any]]:
        """Its kill chain phases."""
        return item["kill_chain_phases"]  # type: ignore[no-any-return]

    def relations(self, index: ReleaseIndex) -> Iterator[Relation]:
        """The relationships of the release, including those that are only in properties."""
        for item in index.relationships:
            yield self.published(item, index)

    def published(self, item: StixObject, index: ReleaseIndex) -> Relation:
        """A published relationship, unchanged."""
        return Relation(
            type=item["relationship_type"],
            source=item["source_ref"],
            target=item["target_ref"],
            origin=item,
            description=self.text(item.get("description"), index),
            id=index.own_id(item),
        )

    def text(self, text: str | None, index: ReleaseIndex) -> str | None:
        """A text of the publisher in markdown."""
        if not text or not index.kb.site:
            return text
        return absolute_links(text, index.kb.site)
