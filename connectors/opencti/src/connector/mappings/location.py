"""Countries and regions, each in the nearest region."""

from collections.abc import Iterator, Sequence

from connector.mappings.mapping import Mapping
from connector.relationships import Relation
from connector.release_index import ReleaseIndex
from connector.stix import StixObject, external_id

# The file links a country to each of its regions, so OpenCTI would list it up to three times.
_NEAREST_FIRST = ("intermediate-region", "sub-region", "region")


class LocationMapping(Mapping):
    """Countries, regions, sub-regions and intermediate regions."""

    def entity(self, item: StixObject, index: ReleaseIndex) -> StixObject:
        sent = super().entity(item, index)
        sent["x_opencti_location_type"] = (
            "Country" if external_id(item, ("type",)) == "country" else "Region"
        )
        return sent

    def aliases(self, item: StixObject, index: ReleaseIndex) -> Sequence[str]:
        if not index.options.location_aliases:
            return ()
        codes = (external_id(item, (source,)) for source in ("alpha-2", "alpha-3"))
        return [*super().aliases(item, index), *filter(None, codes)]

    def relations(self, index: ReleaseIndex) -> Iterator[Relation]:
        nearest: dict[str, StixObject] = {}
        for item in index.relationships:
            present = nearest.get(item["source_ref"])
            if present is None or _distance(item) < _distance(present):
                nearest[item["source_ref"]] = item
        index.left_out["relationship: a farther region of the same place"] += len(
            index.relationships
        ) - len(nearest)
        for item in nearest.values():
            yield Relation(
                "located-at",
                item["source_ref"],
                item["target_ref"],
                item,
                item.get("description"),
            )


def _distance(item: StixObject) -> int:
    kind = item["relationship_type"]
    return _NEAREST_FIRST.index(kind) if kind in _NEAREST_FIRST else len(_NEAREST_FIRST)
