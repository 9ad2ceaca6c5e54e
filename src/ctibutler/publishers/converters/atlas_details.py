"""What ATLAS's YAML says about its objects beyond STIX.

One rule reads every field, even those of later formats: whatever the STIX object does not contain, with `_` for `-` in names.
The steps of a case study are added in the order of the attack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ctibutler.publishers.converters.atlas_format import AtlasData, Entry, Relation
from ctibutler.publishers.converters.atlas_steps import in_order
from ctibutler.publishers.converters.yaml_files import YamlList, YamlMap, YamlValue

CARRIED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": "external_references",
        "name": "name",
        "description": "description",
        "created-date": "created",
        "modified-date": "modified",
        "uuid": "id",
        "object-type": "type",
        "attack-reference": "external_references",
        "version": "x_mitre_version",
    }
)
"""Fields that the STIX object contains, and the property that has them. Platforms are not here: some bundles lack them."""

Detail = dict[str, Any]


def details(data: AtlasData, stix_ids: Mapping[str, str]) -> dict[str, Detail]:
    """Return details by STIX id, without empty fields. `stix_ids` are the STIX ids by ATLAS id."""
    steps = _steps(data)
    entries: Iterable[Entry] = (
        *data.tactics.values(),
        *data.techniques.values(),
        *data.mitigations.values(),
        *data.case_studies.values(),
        data.matrix,
        data.collection,
    )
    read = {stix_ids[entry.id]: _read(entry, steps.get(entry.id)) for entry in entries}
    return {stix_id: detail for stix_id, detail in read.items() if detail}


def _read(entry: Entry, steps: list[Detail] | None) -> Detail:
    read = _record(entry.properties, CARRIED)
    return {**read, "steps": steps} if steps else read


def _record(properties: YamlMap, left_out: Mapping[str, str] = MappingProxyType({})) -> Detail:
    return {
        name.replace("-", "_"): _plain(value) for name, value in properties.items() if value and name not in left_out
    }


def _plain(value: YamlValue) -> Any:
    if isinstance(value, YamlMap):
        return _record(value)
    return [_plain(item) for item in value] if isinstance(value, YamlList) else value


def _steps(data: AtlasData) -> dict[str, list[Detail]]:
    by_case_study: dict[str, list[Relation]] = {}
    for relation in data.of("employs"):
        by_case_study.setdefault(relation.source, []).append(relation)
    return {
        case_study: [_step(data, relation) for relation in in_order(relations)]
        for case_study, relations in by_case_study.items()
    }


def _step(data: AtlasData, relation: Relation) -> Detail:
    tactic, technique = data.tactics.get(relation.tactic or ""), data.techniques.get(relation.target)
    fields = {
        "step_id": relation.step,
        "tactic_id": relation.tactic,
        "tactic": tactic and tactic.name,
        "technique_id": relation.target,
        "technique": technique and technique.name,
        "description": relation.description,
        "leads_to": list(relation.leads_to),
    }
    return {name: value for name, value in fields.items() if value}
