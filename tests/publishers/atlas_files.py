"""ATLAS as its publisher keeps it since 2026.05: YAML of format 6, a manifest, a STIX bundle. The texts are made up."""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

import yaml

Data = dict[str, Any]
_NAMESPACE = uuid.UUID(bytes=b"atlas.mitre.org.")


def uuid_of(external_id: str) -> str:
    """The UUID that ATLAS gives this id."""
    return str(uuid.uuid5(_NAMESPACE, external_id))


def entry(object_type: str, external_id: str, name: str, **further: Any) -> Data:
    """An object as the YAML has it."""
    return {
        "name": name,
        "description": f"About {name}.",
        "references": [],
        "created-date": "2023-10-25",
        "modified-date": "2026-08-31",
        **further,
        "id": external_id,
        "uuid": uuid_of(external_id),
        "object-type": object_type,
    }


def relation(name: str, source: str, target: str, **further: Any) -> Data:
    """A relationship as the YAML has it."""
    return {"source": source, "target": target, "relationship-type": name, **further}


def step(case_study: str, name: str, technique: str, tactic: str, *leads_to: str) -> Data:
    """A step of a case study as the YAML has it."""
    fields = {"description": f"They did {name}.", "tactic": tactic, "step-id": name, "leads-to": list(leads_to)}
    return relation("employs", case_study, technique, **fields)


def _by_id(*entries: Data) -> Data:
    return {one["id"]: one for one in entries}


_ATTACK = "https://attack.mitre.org/"
_RELATIONS = [
    relation("sequences", "ATLAS-matrix", "AML.TA0005", position=2),
    relation("sequences", "ATLAS-matrix", "AML.TA0003", position=1),
    relation("achieves", "AML.T0051", "AML.TA0005"),
    relation("achieves", "AML.T0051.000", "AML.TA0005"),
    relation("achieves", "AML.T0065", "AML.TA0003"),
    relation("achieves", "AML.T0065", "AML.TA0005"),
    relation("specializes", "AML.T0051.000", "AML.T0051"),
    relation("mitigates", "AML.M0000", "AML.T0051", description="Say less."),
    relation("mitigates", "AML.M0001", "AML.T0051", description="Ask first."),
    relation("mitigates", "AML.M0001", "AML.T0065", description="Ask first."),
    step("AML.CS0059", "S02", "AML.T0051", "AML.TA0005"),
    step("AML.CS0059", "S00", "AML.T0065", "AML.TA0003", "S01"),
    step("AML.CS0059", "S01", "AML.T0051", "AML.TA0003", "S02"),
]


def release(label: str = "2026.09", **sections: Any) -> Data:
    """A small release: two tactics, three techniques, two mitigations, one case study of three steps."""
    data: Data = {
        "format-version": "6.0.0",
        "collection": entry("collection", "ATLAS-collection", "ATLAS", version=label),
        "matrix": entry("matrix", "ATLAS-matrix", "ATLAS"),
        "tactics": _by_id(
            entry("tactic", "AML.TA0003", "Resource Development", **{"attack-reference": _attack("tactics", "TA0042")}),
            entry("tactic", "AML.TA0005", "Execution"),
        ),
        "techniques": _by_id(
            entry(
                "technique",
                "AML.T0051",
                "LLM Prompt Injection",
                maturity="Realized",
                platforms=["Generative AI", "Agentic AI"],
                references=[{"id": "ref-1", "title": "A paper", "url": "https://example.org/paper"}],
            ),
            entry("technique", "AML.T0051.000", "Direct", maturity="Demonstrated", platforms=["Generative AI"]),
            entry(
                "technique",
                "AML.T0065",
                "LLM Prompt Crafting",
                maturity="Feasible",
                platforms=["Enterprise"],
                **{"attack-reference": _attack("techniques", "T1110")},
            ),
        ),
        "mitigations": _by_id(
            entry(
                "mitigation",
                "AML.M0000",
                "Limit Information",
                categories=["Policy"],
                **{"lifecycle-phases": ["Deployment", "Monitoring and Maintenance"]},
            ),
            entry("mitigation", "AML.M0001", "Human in the Loop", categories=["Technical - AI"]),
        ),
        "case-studies": _by_id(
            entry(
                "case-study",
                "AML.CS0059",
                "A Zero-Click Leak",
                type="Incident",
                actor="Somebody",
                target="An assistant",
                reporter="Researchers",
                date="2026-06-01",
                **{"date-granularity": "Month"},
            )
        ),
        "relationships": _grouped(_RELATIONS),
    }
    return copy.deepcopy({**data, **{name.replace("_", "-"): value for name, value in sections.items()}})


def _attack(page: str, external_id: str) -> Data:
    return {"id": external_id, "url": f"{_ATTACK}{page}/{external_id}/"}


def _grouped(relations: list[Data]) -> Data:
    grouped: Data = {}
    for one in relations:
        grouped.setdefault(one["source"], {}).setdefault(one["relationship-type"], []).append(one)
    return grouped


def with_relations(data: Data, *further: Data) -> Data:
    """The release with these relationships besides."""
    for source, by_type in _grouped(list(further)).items():
        for name, relations in by_type.items():
            data["relationships"].setdefault(source, {}).setdefault(name, []).extend(relations)
    return data


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def written(data: Any) -> bytes:
    """As the publisher writes YAML."""
    return yaml.dump(data, Dumper=_WithoutAliases, sort_keys=False, allow_unicode=True).encode()


def manifest(*labels: str, further: list[Data] | None = None) -> bytes:
    """The list of releases, of which these are those of format 6; older ones follow."""
    entries = [
        {
            "release": label,
            "release-date": "2026-09-15",
            "versions": [{"format-version": "6.0.0", "path": f"v6/ATLAS-{label}.yaml"}],
        }
        for label in labels
    ]
    older = [
        {
            "release": "2026.04",
            "release-date": "2026-04-30",
            "versions": [
                {"format-version": "6.0.0", "path": "v6/ATLAS-2026.04.yaml"},
                {"format-version": "5.6.0", "path": "legacy/ATLAS-5.6.0.yaml"},
            ],
        },
        {
            "release": "2021.05",
            "release-date": "2021-05-13",
            "versions": [{"format-version": "6.0.0", "path": "v6/ATLAS-2021.05.yaml"}],
        },
    ]
    return written([*(further or []), *entries, *older])


_TYPES = {
    "tactics": "x-mitre-tactic",
    "techniques": "attack-pattern",
    "mitigations": "course-of-action",
    "case-studies": "campaign",
}


def asset(data: Data, *further: Data) -> bytes:
    """The STIX bundle of a release, as its publisher makes it: no collection, no details."""
    objects = [
        {
            "type": stix_type,
            "spec_version": "2.1",
            "id": f"{stix_type}--{one['uuid']}",
            "created": f"{one['created-date']}T00:00:00.000Z",
            "modified": f"{one['modified-date']}T00:00:00.000Z",
            "name": one["name"],
            "description": one["description"],
            "external_references": [
                {"source_name": "mitre-atlas", "url": "https://atlas.mitre.org", "external_id": one["id"]}
            ],
            "x_mitre_domains": ["ATLAS"],
        }
        for section, stix_type in _TYPES.items()
        for one in data[section].values()
    ]
    bundle = {"type": "bundle", "id": f"bundle--{uuid_of('ATLAS-bundle')}", "objects": [*objects, *further]}
    return json.dumps(bundle, indent=4).encode()
