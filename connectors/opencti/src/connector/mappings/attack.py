"""ATT&CK.

Since release 18, detections are in detection strategies, which OpenCTI does not have: strategy → analytics → log sources
→ data component. The chain becomes a data component that detects a technique, and the texts of the analytics become the
detection text of the technique.
"""

from collections.abc import Iterator

from connector.mappings.mapping import Mapping
from connector.relationships import Relation
from connector.release_index import ReleaseIndex
from connector.stix import StixObject

STRATEGY = "x-mitre-detection-strategy"

# The detection text is a short text field in OpenCTI.
LONGEST_DETECTION = 5000


class AttackMapping(Mapping):
    """ATT&CK Enterprise, Mobile and ICS."""

    def entity(self, item: StixObject, index: ReleaseIndex) -> StixObject:
        sent = super().entity(item, index)
        if item["type"] == "attack-pattern":
            detection = item.get("x_mitre_detection") or self._detection(item, index)
            sent.pop("x_mitre_detection", None)
            if detection:
                sent["x_mitre_detection"] = _shortened(detection)
        elif item["type"] == "x-mitre-data-component" and item.get(
            "x_mitre_data_source_ref"
        ):
            sent["x_mitre_data_source_ref"] = item["x_mitre_data_source_ref"]
        return sent

    def relations(self, index: ReleaseIndex) -> Iterator[Relation]:
        for item in index.relationships:
            if not item["source_ref"].startswith(STRATEGY):
                yield self.published(item, index)
        if not index.options.detections:
            return
        for item in index.of_type("attack-pattern"):
            for component in dict.fromkeys(_components(item, index)):
                yield Relation("detects", component, item["id"], origin=item)

    def _detection(self, technique: StixObject, index: ReleaseIndex) -> str:
        if not index.options.detections:
            return ""
        texts = (
            analytic.get("description", "").strip()
            for analytic in _analytics(technique, index)
        )
        return "\n\n".join(dict.fromkeys(filter(None, texts)))


def _analytics(technique: StixObject, index: ReleaseIndex) -> Iterator[StixObject]:
    """The live analytics of the live strategies that detect a technique."""
    strategies = index.once("strategies", lambda: _strategies_by_technique(index))
    for strategy in strategies.get(technique["id"], ()):
        for ref in index.objects[strategy].get("x_mitre_analytic_refs") or ():
            if index.is_live_id(ref):
                yield index.objects[ref]


def _components(technique: StixObject, index: ReleaseIndex) -> Iterator[str]:
    """The live data components that detect a technique."""
    if not index.is_live(technique):
        return
    for analytic in _analytics(technique, index):
        for source in analytic.get("x_mitre_log_source_references") or ():
            ref = source.get("x_mitre_data_component_ref")
            if ref and index.is_live_id(ref):
                yield ref


def _strategies_by_technique(index: ReleaseIndex) -> dict[str, list[str]]:
    """The live detection strategies of each technique, in order of id."""
    found: dict[str, list[str]] = {}
    for item in index.relations("detects"):
        if (
            item["source_ref"].startswith(STRATEGY)
            and index.is_live(item)
            and index.is_live_id(item["source_ref"])
        ):
            found.setdefault(item["target_ref"], []).append(item["source_ref"])
    return {technique: sorted(found[technique]) for technique in found}


def _shortened(text: str) -> str:
    return (
        text if len(text) < LONGEST_DETECTION else f"{text[: LONGEST_DETECTION - 2]}…"
    )
