"""Sectors: identities of the class `class`."""

from connector.mappings.mapping import Mapping
from connector.release_index import ReleaseIndex
from connector.stix import StixObject


class SectorMapping(Mapping):
    """Sectors. The identity that made the file is their author, not a sector."""

    def takes(self, item: StixObject, index: ReleaseIndex) -> bool:
        return item.get("identity_class") == "class"
