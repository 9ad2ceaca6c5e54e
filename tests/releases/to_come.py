"""A made-up next release of ATT&CK for ICS, made from an existing one.

It does what release 19 did to Enterprise (a tactic keeps its id under another name and gives half of its techniques to a
new one, techniques get new numbers) and what one after it may do: types, relationships, ids, values and properties that
no release so far has. All texts of the made objects are our own.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from tests.faults.small import small_bundle

Stix = dict[str, Any]

BEFORE, AFTER = "18.1", "19.0"
RELEASED = "2026-04-28T14:00:00.188Z"
MITRE = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
COPYRIGHT = "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"
SPLIT, STAYS, GOES = "evasion", "stealth", "defense-impairment"
NEW_NUMBER, CHILD_NUMBER, SECOND_CHILD_NUMBER = "T0990", "T0990.001", "T0990.002"
PLAYBOOK, IMPLANT, MEASURE = "x-mitre-playbook", "x-mitre-implant", "x-outside-measure"
IMPLANTS = 20


def stix_id(stix_type: str, name: str) -> str:
    """The id of a made object."""
    return f"{stix_type}--{uuid5(UUID(int=19), name)}"


FIRST_PLAYBOOK, OLD_PLAYBOOK = stix_id(PLAYBOOK, "first"), stix_id(PLAYBOOK, "old")
MADE_MEASURE = stix_id(MEASURE, "measure")
VULNERABILITY = stix_id("vulnerability", "vulnerability")
NEW_TACTIC = stix_id("x-mitre-tactic", GOES)
HEIR, CHILD, SECOND_CHILD = (stix_id("attack-pattern", name) for name in ("heir", "child", "second child"))
EXTENSION = stix_id("extension-definition", "playbooks")


@dataclass(frozen=True)
class ToCome:
    """The objects of both releases in the order of their files, and the ids of what the change is about.

    `renumbered` is old id → new id; `group` uses the first of them, in the new release both the old and the new one.
    """

    before: list[Stix]
    after: list[Stix]
    tactic: str
    renumbered: dict[str, str]
    group: str


def made(stix_type: str, key: str, number: str | None = None, /, **properties: Any) -> Stix:
    """An object in MITRE's form; its id is made from `key`."""
    references = {"external_references": [{"source_name": "mitre-attack", "external_id": number}]} if number else {}
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id(stix_type, key),
        "created": RELEASED,
        "created_by_ref": MITRE,
        "modified": RELEASED,
        **references,
        "object_marking_refs": [COPYRIGHT],
        "x_mitre_domains": ["ics-attack"],
        **properties,
    }


def related(source: str, relationship_type: str, target: str, **properties: Any) -> Stix:
    """A relationship of the publisher."""
    key = f"{source} {relationship_type} {target}"
    ends = {"source_ref": source, "relationship_type": relationship_type, "target_ref": target}
    return made("relationship", key, **ends, **properties)


def number_of(stix: Stix) -> str:
    """`T0849`."""
    return str(stix["external_references"][0]["external_id"])


def small_base() -> list[Stix]:
    """A small release in the repository: twelve objects of ICS 8.0, and a tactic with techniques of our own."""
    early = {"created": "2024-01-01T00:00:00.000Z", "modified": "2025-10-28T14:00:00.188Z"}
    tactic = made(
        "x-mitre-tactic",
        SPLIT,
        "TA0103",
        name="Evasion",
        description="The adversary does not want to be seen.",
        x_mitre_shortname=SPLIT,
    )
    techniques = [
        made(
            "attack-pattern",
            number,
            number,
            name=name,
            description=f"{name}: nobody in the control room notices.",
            kill_chain_phases=[{"kill_chain_name": "mitre-ics-attack", "phase_name": phase} for phase in phases],
            x_mitre_is_subtechnique=False,
            x_mitre_platforms=["Engineering Workstation"],
        )
        for number, name, phases in (
            ("T0820", "Forged Readings", [SPLIT]),
            ("T0849", "Borrowed Names", [SPLIT]),
            ("T0851", "Silenced Alarms", [SPLIT, "collection-ics"]),
            ("T0856", "Swept Traces", [SPLIT]),
            ("T0872", "Quiet Hours", ["initial-access-ics", SPLIT]),
        )
    ]
    software = made("malware", "software", "S9001", name="Fogbank", description="Hides in plain sight.", is_family=True)
    relations = [related(software["id"], "uses", technique["id"]) for technique in techniques]
    return [*small_bundle()["objects"], *(stix | early for stix in (tactic, *techniques, software, *relations))]


def release_to_come(before: list[Stix]) -> ToCome:
    """The release after this one."""
    objects = {stix["id"]: stix for stix in deepcopy(before)}
    tactic = next(stix["id"] for stix in before if stix.get("x_mitre_shortname") == SPLIT)
    group = min(stix["id"] for stix in before if stix["type"] == "intrusion-set" and _is_live(stix))
    techniques = [stix["id"] for stix in _techniques_of(objects, SPLIT)]
    _split_tactic(objects, tactic, techniques)
    renumbered = dict(zip(techniques[:3], (HEIR, CHILD, CHILD), strict=True))
    _renumber(objects, renumbered)
    _add(objects, related(group, "uses", techniques[0], description="Written before the technique got its new number."))
    _add(objects, related(group, "uses", HEIR, description="Written after the technique got its new number."))
    _add_playbooks(objects, group, renumbered)
    _add_implants(objects, techniques[3:])
    _add_what_no_list_shows(objects)
    _add_unknown_properties(objects, techniques[3])
    _name_the_release(objects)
    return ToCome(before, list(objects.values()), tactic, renumbered, group)


def _split_tactic(objects: dict[str, Stix], tactic: str, techniques: list[str]) -> None:
    """One half keeps the id; the techniques go to one, to the other, to both, in turn."""
    objects[tactic] |= {"name": "Stealth", "x_mitre_shortname": STAYS, "modified": RELEASED}
    new = made(
        "x-mitre-tactic",
        GOES,
        "TA0112",
        name="Defense Impairment",
        description="The adversary breaks what would have stopped or reported them.",
        x_mitre_shortname=GOES,
        x_mitre_tactic_type="Beyond Compromise",
    )
    _add(objects, new)
    for place, technique in enumerate(techniques):
        halves = ([STAYS], [GOES], [STAYS, GOES])[place % 3]
        phases = objects[technique]["kill_chain_phases"]
        kept = [phase for phase in phases if phase["phase_name"] != SPLIT]
        chain = phases[0]["kill_chain_name"]
        objects[technique]["kill_chain_phases"] = [
            *kept,
            *({"kill_chain_name": chain, "phase_name": half} for half in halves),
        ]
        objects[technique]["modified"] = RELEASED
    for matrix in _of_type(objects, "x-mitre-matrix"):
        matrix["tactic_refs"] = [*matrix["tactic_refs"], new["id"]]
        matrix["modified"] = RELEASED


def _renumber(objects: dict[str, Stix], renumbered: dict[str, str]) -> None:
    """The first technique gets a new id, the next two become one sub-technique of it; another is entirely new."""
    numbers = {HEIR: NEW_NUMBER, CHILD: CHILD_NUMBER}
    for old, new in renumbered.items():
        heir = {**deepcopy(objects[old]), "id": new, "created": RELEASED, "modified": RELEASED}
        heir["name"] = f"Renumbered {objects[old]['name']}"
        heir["external_references"][0]["external_id"] = numbers[new]
        heir["x_mitre_is_subtechnique"] = "." in numbers[new]
        if new not in objects:
            _add(objects, heir)
        objects[old] |= {"revoked": True, "modified": RELEASED}
        _add(objects, related(old, "revoked-by", new))
        # As in MITRE's releases, references to the old one now point to the new one, but some were forgotten.
        pointing = [stix for stix in _of_type(objects, "relationship") if stix["target_ref"] == old]
        for stix in pointing[::2]:
            stix |= {"target_ref": new, "modified": RELEASED}
    second = made(
        "attack-pattern",
        "second child",
        SECOND_CHILD_NUMBER,
        name="Muted Horn",
        description="The horn is muted before anything happens that it would announce.",
        kill_chain_phases=[{"kill_chain_name": "mitre-ics-attack", "phase_name": GOES}],
        x_mitre_is_subtechnique=True,
    )
    _add(objects, second)
    for child in (CHILD, SECOND_CHILD):
        _add(objects, related(child, "subtechnique-of", HEIR))


def _add_playbooks(objects: dict[str, Stix], group: str, renumbered: dict[str, str]) -> None:
    playbook = made(
        PLAYBOOK,
        "first",
        "PB.ICS-0001",
        name="Silent Substation Drill",
        description="Restores telemetry after adversaries muted the annunciators of a substation.",
        x_mitre_aliases=["Silent Substation Drill", "Zählerstille", "Operation Quiet Relay"],
        x_mitre_domains=["orbital-attack"],
        x_mitre_shortname="silent-substation",
        x_mitre_step_refs=[HEIR, SECOND_CHILD],
        extensions={EXTENSION: {"extension_type": "new-sdo"}},
    )
    old = made(
        PLAYBOOK,
        "old",
        "PB.ICS-0002",
        name="Paper Procedure",
        description="Was a binder on a shelf; telemetry was read from dials.",
        x_mitre_deprecated=True,
    )
    # Without a name, an external id or `modified`: STIX does not require them of custom types.
    measure = made(MEASURE, "measure", description="A fence around the relay house.")
    del measure["modified"]
    flaw = made("vulnerability", "vulnerability", name="Loose Terminal", description="Known to STIX, new to ATT&CK.")
    for stix in (playbook, old, measure, flaw):
        _add(objects, stix)
    for technique in renumbered:
        _add(objects, related(technique, "is-rehearsed-in", old["id"]))
    for source, kind, target in (
        (HEIR, "is-rehearsed-in", playbook["id"]),
        (playbook["id"], "responds-to", HEIR),
        (playbook["id"], "responds-to", SECOND_CHILD),
        (playbook["id"], "uses", SECOND_CHILD),
        (group, "provokes", playbook["id"]),
        (MADE_MEASURE, "hardens", VULNERABILITY),
    ):
        _add(objects, related(source, kind, target, description=f"It {kind} this."))


def _add_implants(objects: dict[str, Stix], techniques: list[str]) -> None:
    """Software under a new type: each uses the new techniques and one of the others."""
    for place in range(IMPLANTS):
        number = f"IM{1000 + place}"
        implant = made(IMPLANT, number, number, name=f"Solder Bug {place}", description="Sits between two pins.")
        _add(objects, implant)
        for technique in (HEIR, SECOND_CHILD, techniques[place % len(techniques)]):
            _add(objects, related(implant["id"], "uses", technique))


def _add_what_no_list_shows(objects: dict[str, Stix]) -> None:
    sighting = made("sighting", "sighting", sighting_of_ref=HEIR, where_sighted_refs=[MITRE], count=1)
    extension = made(
        "extension-definition",
        "playbooks",
        name="Playbooks",
        schema="https://example.org/playbook.json",
        version="1.0",
        extension_types=["new-sdo"],
    )
    language = made("language-content", "german", object_ref=FIRST_PLAYBOOK, contents={"de": {"name": "Stille Übung"}})
    for stix in (sighting, extension, language):
        _add(objects, stix)


def _add_unknown_properties(objects: dict[str, Stix], technique: str) -> None:
    """Nested properties, references at the top, in a list and where they are not followed, values outside vocabularies."""
    objects[technique] |= {
        "x_mitre_future": {
            "a": [{"b_ref": FIRST_PLAYBOOK, "deep": {"er": [[{"c_refs": [HEIR]}], None, 0.1, "ü"]}}],
            "z": {"order": 1, "of": 2, "keys": 3},
        },
        "x_mitre_steps": [{"step_ref": FIRST_PLAYBOOK, "then": [{"next_refs": [HEIR, CHILD]}]}, "no object"],
        "x_mitre_future_refs": [FIRST_PLAYBOOK, MADE_MEASURE, stix_id("x-mitre-elsewhere", "is in no release")],
        "x_mitre_platforms": ["Quantum Controller"],
        "x_mitre_impact_type": "Yet Unheard Of",
        "modified": RELEASED,
    }


def _name_the_release(objects: dict[str, Stix]) -> None:
    for collection in _of_type(objects, "x-mitre-collection"):
        collection |= {"x_mitre_version": AFTER, "modified": RELEASED}
        collection["x_mitre_contents"] = [
            {"object_ref": stix["id"], "object_modified": stix.get("modified", stix["created"])}
            for stix in objects.values()
            if stix["id"] != collection["id"]
        ]


def _techniques_of(objects: dict[str, Stix], phase: str) -> list[Stix]:
    """The live techniques of a tactic, by external id."""
    found = [
        stix
        for stix in _of_type(objects, "attack-pattern")
        if _is_live(stix) and phase in [item["phase_name"] for item in stix["kill_chain_phases"]]
    ]
    return sorted(found, key=number_of)


def _of_type(objects: dict[str, Stix], stix_type: str) -> list[Stix]:
    return [stix for stix in objects.values() if stix["type"] == stix_type]


def _is_live(stix: Stix) -> bool:
    return not stix.get("revoked") and not stix.get("x_mitre_deprecated")


def _add(objects: dict[str, Stix], stix: Stix) -> None:
    assert stix["id"] not in objects
    objects[stix["id"]] = stix
