"""CWE. OpenCTI has no weaknesses, so a weakness becomes a vulnerability such as `CWE-79` with the label `weakness`."""

from collections.abc import Iterator, Sequence

from connector import identifiers
from connector.mappings.mapping import Mapping
from connector.markdown import from_html
from connector.relationships import Relation
from connector.release_index import ReleaseIndex
from connector.stix import StixObject, external_id

LABEL = "weakness"

_SECTIONS = (
    ("Common consequences", "common_consequences"),
    ("Likelihood of exploit", "likelihood_of_exploit"),
    ("Detection methods", "detection_methods"),
    ("Phases of introduction", "modes_of_introduction"),
)

_PHRASES = {
    "CanPrecede": "can precede",
    "CanAlsoBe": "can also be",
    "PeerOf": "peer of",
    "Requires": "requires",
    "StartsWith": "starts with",
}
_SYMMETRIC = frozenset({"PeerOf"})


class CweMapping(Mapping):
    """Weaknesses, and categories and views if the settings want them."""

    def takes(self, item: StixObject, index: ReleaseIndex) -> bool:
        if item["type"] == "grouping" and not index.options.cwe_groupings:
            index.left_out["grouping: categories and views are off"] += 1
            return False
        return True

    def name(self, item: StixObject) -> str:
        return number(item) if item["type"] == "weakness" else str(item["name"])

    def aliases(self, item: StixObject, index: ReleaseIndex) -> Sequence[str]:
        if item["type"] != "weakness":
            return ()
        return [item["name"], *super().aliases(item, index)]

    def entity(self, item: StixObject, index: ReleaseIndex) -> StixObject:
        if item["type"] == "grouping":
            sent = super().entity(item, index)
            sent.setdefault("context", "unspecified")
            sent["object_refs"] = item.get("object_refs") or []
            return sent
        name = number(item)
        return {
            "type": "vulnerability",
            "id": identifiers.vulnerability_id(name),
            "spec_version": "2.1",
            "created": item["created"],
            "modified": item["modified"],
            "name": name,
            "labels": sorted({LABEL, *(item.get("labels") or ())}),
        }

    def describe(self, item: StixObject, index: ReleaseIndex) -> str | None:
        text = super().describe(item, index)
        if item["type"] != "weakness":
            return text
        sections = (
            f"**{title}:** {_listed(item[key])}"
            for title, key in _SECTIONS
            if item.get(key)
        )
        return "\n\n".join(filter(None, (item["name"], text, *sections)))

    def relations(self, index: ReleaseIndex) -> Iterator[Relation]:
        for item in index.relationships:
            kind, source, target = (
                item["relationship_type"],
                item["source_ref"],
                item["target_ref"],
            )
            if kind == "ChildOf":
                yield Relation(
                    "derived-from",
                    source,
                    target,
                    origin=item,
                    description=item.get("description"),
                )
                continue
            if kind in _SYMMETRIC:
                source, target = sorted((source, target))
            phrase = _PHRASES.get(kind, kind)
            yield Relation(
                "related-to", source, target, origin=item, description=phrase
            )

    def text(self, text: str | None, index: ReleaseIndex) -> str | None:
        # Markdown would take the line between short and extended description for a heading.
        return from_html(text.replace("\n-------------\n", "<p></p>")) if text else text


def number(weakness: StixObject) -> str:
    """The external id of a weakness, which is its name in OpenCTI."""
    return external_id(weakness, ("cwe",)) or str(weakness["name"])


def _listed(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(dict.fromkeys(value))
