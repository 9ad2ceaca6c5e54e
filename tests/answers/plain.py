"""The contract again, in plain Python over the publishers' JSON: the expected answers that tests compare with.

Nothing here uses the package's own code. It is meant to be simple, and may be slow.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

import Stemmer

from tests.catalogue import published

Stix = dict[str, Any]

_ATTACK_TYPES = [
    "attack-pattern",
    "campaign",
    "course-of-action",
    "identity",
    "intrusion-set",
    "malware",
    "marking-definition",
    "tool",
    "x-mitre-data-component",
    "x-mitre-data-source",
    "x-mitre-matrix",
    "x-mitre-tactic",
    "x-mitre-asset",
    "x-mitre-detection-strategy",
    "x-mitre-analytic",
]
LISTED = {
    "attack-enterprise": _ATTACK_TYPES,
    "attack-mobile": _ATTACK_TYPES,
    "attack-ics": _ATTACK_TYPES,
    "capec": ["attack-pattern", "course-of-action", "identity", "marking-definition"],
    "cwe": ["weakness", "grouping"],
    "atlas": ["attack-pattern", "course-of-action", "x-mitre-collection", "x-mitre-matrix", "x-mitre-tactic"],
    "disarm": ["attack-pattern", "identity", "marking-definition", "x-mitre-matrix", "x-mitre-tactic"],
    "mitre-f3": [
        "attack-pattern",
        "identity",
        "marking-definition",
        "x-mitre-matrix",
        "x-mitre-tactic",
        "x-mitre-collection",
    ],
    "d3fend": ["course-of-action", "indicator", "x-mitre-tactic", "x-mitre-matrix"],
    "location": ["location"],
    "sector": ["identity"],
    "tlp": ["marking-definition"],
}
SOURCES = {
    "attack-enterprise": ["mitre-attack"],
    "attack-mobile": ["mitre-attack", "mitre-mobile-attack"],
    "attack-ics": ["mitre-attack", "mitre-ics-attack"],
    "capec": ["capec"],
    "cwe": ["cwe"],
    "atlas": ["mitre-atlas"],
    "disarm": ["DISARM"],
    "d3fend": ["mitre-d3fend"],
    "mitre-f3": ["mitre-f3"],
    "location": ["location2stix"],
    "sector": ["sector2stix"],
}
HIDES_DEAD = ("attack-enterprise", "attack-mobile", "attack-ics")
# Word → types, and whether `x_mitre_is_subtechnique` must be true (None: does not matter).
_WORDS: dict[str, tuple[list[str], bool | None]] = {
    "Tactic": (["x-mitre-tactic"], None),
    "Technique": (["attack-pattern"], False),
    "Sub-technique": (["attack-pattern"], True),
    "Mitigation": (["course-of-action"], None),
    "Matrix": (["x-mitre-matrix"], None),
    "Artifact": (["indicator"], None),
    "Group": (["intrusion-set"], None),
    "Software": (["malware", "tool"], None),
    "Campaign": (["campaign"], None),
    "Data Source": (["x-mitre-data-source"], None),
    "Data Component": (["x-mitre-data-component"], None),
    "Asset": (["x-mitre-asset"], None),
    "Detection Strategy": (["x-mitre-detection-strategy"], None),
    "Analytic": (["x-mitre-analytic"], None),
}
_ATTACK_WORDS = [word for word in _WORDS if word not in ("Matrix", "Artifact")]
TYPE_WORDS = {
    "attack-enterprise": _ATTACK_WORDS,
    "attack-mobile": _ATTACK_WORDS,
    "attack-ics": _ATTACK_WORDS,
    "atlas": ["Tactic", "Technique", "Sub-technique", "Mitigation"],
    "disarm": ["Tactic", "Technique", "Sub-technique"],
    "mitre-f3": ["Tactic", "Technique", "Sub-technique"],
    "d3fend": ["Tactic", "Mitigation", "Sub-mitigation", "Matrix", "Artifact"],
}
OPEN_MARKINGS = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
}
META = ("marking-definition", "extension-definition", "language-content")
STIX2ARANGO = "identity--72e906ce-ca1b-5d73-adcd-9ea9eb66a1b4"
DOGESEC = "identity--9779a2db-f98c-5f4b-8d08-8ee04e02dbb5"
_EMBEDDED_SPACE = UUID("72e906ce-ca1b-5d73-adcd-9ea9eb66a1b4")
_LINK_SPACE = UUID("2e51a631-99d8-52a5-95a6-8314d3f4fbf3")
_LINK_MARKINGS = [
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "marking-definition--2e51a631-99d8-52a5-95a6-8314d3f4fbf3",
]


# --- texts and order


@lru_cache(maxsize=300_000)
def fold(text: str) -> str:
    for _ in range(2):
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return text


def natural(text: str) -> list[tuple[int, int]]:
    """A sort key: characters by code point, and runs of digits as numbers in the position of a digit."""
    parts = re.findall(r"[0-9]+|[^0-9]", fold(text))
    return [(ord("0"), int(part)) if part[0] in "0123456789" else (ord(part), 0) for part in parts]


@lru_cache(maxsize=100_000)
def words(text: str) -> frozenset[str]:
    runs = groupby(fold(text), key=str.isalnum)
    return frozenset("".join(run) for letters, run in runs if letters)


@lru_cache(maxsize=100_000)
def stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words(text)))


@lru_cache(maxsize=500_000)
def stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


_STEMMER = Stemmer.Stemmer("english")


def text_matches(text: str, query: str) -> bool:
    """Section 6: all words of the query by stem, or all as beginnings, in one text."""
    wanted = words(query)
    if not wanted:
        return False
    return all(stem(word) in stems(text) for word in wanted) or all(
        any(other.startswith(word) for other in words(text)) for word in wanted
    )


def object_matches(stix: Stix, query: str) -> bool:
    return any(text_matches(stix.get(name) or "", query) for name in ("name", "description"))


def instant(stix: Stix, name: str) -> float:
    """A time in microseconds; before all others where it is missing."""
    if not stix.get(name):
        return float("-inf")
    moment = datetime.fromisoformat(stix[name])
    return round(moment.timestamp() * 1_000_000)


def same(stix: Stix) -> str:
    """A text that is equal for equal objects with any order of keys."""
    return json.dumps(stix, sort_keys=True)


# --- objects


def change(was: list[Stix], now: list[Stix]) -> str:
    """How one id changed, from its contents in one release and in another."""
    if not was:
        return "added"
    if not now:
        return "removed"
    if set(map(same, was)) == set(map(same, now)):
        return "unchanged"
    if any(map(revoked, now)) and not any(map(revoked, was)):
        return "revoked"
    if any(map(deprecated, now)) and not any(map(deprecated, was)):
        return "deprecated"
    return "modified"


def revoked(stix: Stix) -> bool:
    return stix.get("revoked") is True


def deprecated(stix: Stix) -> bool:
    return stix.get("x_mitre_deprecated") is True or stix.get("x_capec_status") in ("Deprecated", "Obsolete")


def live(stix: Stix) -> bool:
    return not revoked(stix) and not deprecated(stix)


def primary_id(slug: str, stix: Stix) -> str | None:
    if slug == "tlp":
        level: str | None = stix.get("definition", {}).get("tlp")
        for extension in stix.get("extensions", {}).values():
            level = level or extension.get("tlp_2_0")
        return level
    references = stix.get("external_references") or []
    for reference in references:
        if reference.get("source_name") in SOURCES[slug] and reference.get("external_id"):
            return str(reference["external_id"])
    return (references[0].get("external_id") or None) if references else None


def comparable(slug: str, external_id: str) -> str:
    text = external_id.lower()
    return text.removeprefix({"d3fend": "d3f:", "tlp": "tlp:"}.get(slug, ""))


def is_of_word(slug: str, word: str, stix: Stix) -> bool:
    if slug == "d3fend" and word in ("Mitigation", "Sub-mitigation"):
        types: Sequence[str] = ["course-of-action"]
        sub: bool | None = word == "Sub-mitigation"
    else:
        types, sub = _WORDS[word]
    return stix["type"] in types and (sub is None or (stix.get("x_mitre_is_subtechnique") is True) is sub)


def aliases(stix: Stix) -> list[str]:
    return [name for key in ("aliases", "x_mitre_aliases", "x_opencti_aliases") for name in stix.get(key) or []]


def references_named(stix: Stix, source_name: str) -> list[str]:
    return [
        reference["external_id"]
        for reference in stix.get("external_references") or []
        if reference.get("source_name") == source_name
    ]


@lru_cache(maxsize=12)
def contents(slug: str, label: str) -> list[Stix]:
    """The objects of a release without exact copies, in the order of the file."""
    return list({json.dumps(stix): stix for stix in published(slug, label)}.values())


def vertices(slug: str, label: str) -> list[Stix]:
    return [stix for stix in contents(slug, label) if stix["type"] != "relationship"]


def listed(slug: str, label: str) -> list[Stix]:
    return [
        stix
        for stix in vertices(slug, label)
        if stix["type"] in LISTED[slug] and (slug != "sector" or stix.get("identity_class") == "class")
    ]


@lru_cache(maxsize=12)
def _numbered(slug: str, label: str) -> dict[str, list[Stix]]:
    found: dict[str, list[Stix]] = {}
    for stix in vertices(slug, label):
        number = primary_id(slug, stix)
        if number:
            found.setdefault(comparable(slug, number), []).append(stix)
    return found


def named(slug: str, label: str, external_id: str, allowed: Callable[[Stix], bool] = lambda _: True) -> Stix | None:
    """The object with a primary id, chosen in the order of preference of D14."""
    forms = {
        "attack": {"TA": ["x-mitre-tactic"], "T": ["attack-pattern"], "M": ["course-of-action"],
                   "G": ["intrusion-set"], "S": ["malware", "tool"], "C": ["campaign"], "A": ["x-mitre-asset"],
                   "DS": ["x-mitre-data-source"], "DC": ["x-mitre-data-component"],
                   "DET": ["x-mitre-detection-strategy"], "AN": ["x-mitre-analytic"]},
    }  # fmt: skip
    letters = re.match(r"[A-Z]*", external_id.upper())
    types = forms.get(slug.split("-")[0], {}).get(letters.group() if letters else "", [])
    found = [stix for stix in _numbered(slug, label).get(comparable(slug, external_id), []) if allowed(stix)]
    return min(
        found,
        key=lambda stix: (
            not live(stix), stix["type"] not in types, revoked(stix), -instant(stix, "modified"), stix["id"],
        ),
        default=None,
    )  # fmt: skip


def ordered(slug: str, objects: Iterable[Stix], sort: str) -> list[str]:
    """STIX ids in the order of a `sort`; ties are broken by id."""
    key, _, direction = sort.rpartition("_")
    value: dict[str, Callable[[Stix], Any]] = {
        "modified": lambda stix: instant(stix, "modified"),
        "created": lambda stix: instant(stix, "created"),
        "name": lambda stix: (stix.get("name") is not None, fold(stix.get("name") or "")),
        "type": lambda stix: stix["type"],
        "location_type": lambda stix: [fold(kind) for kind in references_named(stix, "type")],
    }
    read = value.get(key, lambda stix: natural(comparable(slug, primary_id(slug, stix) or "")))
    by_id = sorted(objects, key=lambda stix: stix["id"])
    return [stix["id"] for stix in sorted(by_id, key=read, reverse=direction == "descending")]


# --- relationships

_REFERENCE = re.compile(r"[a-z\-_]+[_-]refs?")


def embedded_references(stix: Stix, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Section 9: relationship type and target of every reference in a property."""
    found: list[tuple[str, str]] = []
    for key, value in stix.items():
        if key in ("source_ref", "target_ref"):
            continue
        if _REFERENCE.fullmatch(key):
            targets = [value] if isinstance(value, str) else value if isinstance(value, list) else []
            kind = "-".join([*path, re.sub(r"[_-]refs?$", "", key).replace("_", "-")])
            found += [(kind, target) for target in targets if isinstance(target, str) and target]
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    found += embedded_references(item, (*path, key))
    return found


def _sro_id(space: UUID, *parts: str) -> str:
    return f"relationship--{uuid5(space, '+'.join(parts))}"


def embedded_relationships(stix: Stix) -> list[Stix]:
    made = {}
    for kind, target in embedded_references(stix):
        sro = {
            "type": "relationship",
            "spec_version": "2.1",
            "id": _sro_id(_EMBEDDED_SPACE, kind, stix["id"], target),
            "relationship_type": kind,
            "source_ref": stix["id"],
            "target_ref": target,
            "created_by_ref": STIX2ARANGO,
            "external_references": [{"source_name": "stix2arango", "description": "embedded-relationship"}],
        }
        sro |= {key: stix[key] for key in ("created", "modified", "object_marking_refs") if key in stix}
        made[sro["id"]] = sro
    return list(made.values())


def native_and_made(objects: list[Stix]) -> list[tuple[str, Stix]]:
    """Family and SRO of each relationship of a release, links aside, each once."""
    found = [("native", stix) for stix in objects if stix["type"] == "relationship"]
    found += [("embedded", sro) for stix in objects for sro in embedded_relationships(stix)]
    found += [("technique-tactic", sro) for sro in technique_tactics_of(objects)]
    return list({same(sro): (family, sro) for family, sro in found}.values())


def _link(text: str, kind: str, source: Stix, target: Stix, description: str, references: list[Stix]) -> Stix:
    return {
        "type": "relationship",
        "spec_version": "2.1",
        "id": f"relationship--{uuid5(_LINK_SPACE, text)}",
        "created_by_ref": DOGESEC,
        **{name: source[name] for name in ("created", "modified") if name in source},
        "relationship_type": kind,
        "source_ref": source["id"],
        "target_ref": target["id"],
        "description": description,
        "external_references": references,
        "object_marking_refs": _LINK_MARKINGS,
    }


def technique_tactics(slug: str, label: str) -> list[Stix]:
    return technique_tactics_of(contents(slug, label))


def technique_tactics_of(objects: list[Stix]) -> list[Stix]:
    """The relationships from the techniques of a release to its tactics; of two tactics with one short name a live one."""
    tactics = {stix["x_mitre_shortname"]: stix for stix in sorted(objects, key=live) if stix["type"] == "x-mitre-tactic"
               and stix.get("x_mitre_shortname") and stix.get("external_references")}  # fmt: skip
    made = {}
    for technique in objects:
        if technique["type"] != "attack-pattern" or not technique.get("external_references"):
            continue
        for phase in technique.get("kill_chain_phases") or []:
            tactic = tactics.get(phase["phase_name"])
            if tactic:
                ends = [
                    (stix["external_references"][0].get("external_id"), stix["name"]) for stix in (technique, tactic)
                ]
                sro = _link(
                    f"related-to+{technique['id']}+{tactic['id']}",
                    "related-to",
                    technique,
                    tactic,
                    f"Technique {ends[0][0]} ({ends[0][1]}) belongs to Tactic {ends[1][0]} ({ends[1][1]})",
                    [technique["external_references"][0], tactic["external_references"][0]],
                )
                made[sro["id"]] = sro
    return list(made.values())


def _by_number(slug: str, label: str, stix_type: str) -> dict[str, Stix]:
    """Live objects of a type by their first external id; of several with one id the first by STIX id."""
    found: dict[str, Stix] = {}
    for stix in sorted(contents(slug, label), key=lambda stix: stix["id"], reverse=True):
        if stix["type"] == stix_type and live(stix) and stix.get("external_references"):
            found[primary_id(slug, stix) or ""] = stix
    return found


def capec_attack(capec: str, attack: str) -> list[Stix]:
    techniques = _by_number("attack-enterprise", attack, "attack-pattern")
    made = {}
    for stix in contents("capec", capec):
        if stix["type"] != "attack-pattern":
            continue
        number = primary_id("capec", stix) or ""
        for technique_id in references_named(stix, "ATTACK") + references_named(stix, "mitre-attack"):
            target = techniques.get(technique_id)
            if target:
                sro = _link(
                    f"related-to+mitre_capec_vertex_collection/{stix['id']}"
                    f"+mitre_attack_enterprise_vertex_collection/{target['id']}",
                    "related-to",
                    stix,
                    target,
                    f"{number} ({stix['name']}) uses technique {technique_id} ({target['name']})",
                    [
                        {
                            "source_name": "capec",
                            "external_id": number,
                            "url": f"https://capec.mitre.org/data/definitions/{number.partition('-')[2]}.html",
                        },
                        {"source_name": "mitre-attack", "external_id": technique_id},
                    ],
                )
                made[sro["id"]] = sro
    return list(made.values())


def cwe_capec(cwe: str, capec: str) -> list[Stix]:
    patterns = _by_number("capec", capec, "attack-pattern")
    made = {}
    for stix in contents("cwe", cwe):
        if stix["type"] != "weakness":
            continue
        number = primary_id("cwe", stix) or ""
        for capec_id in references_named(stix, "capec"):
            target = patterns.get(capec_id)
            if target:
                pages = [
                    ("cwe", number, "http://cwe.mitre.org/data/definitions/{}.html"),
                    ("capec", capec_id, "https://capec.mitre.org/data/definitions/{}.html"),
                ]
                sro = _link(
                    f"related-to+mitre_cwe_vertex_collection/{stix['id']}+mitre_capec_vertex_collection/{target['id']}",
                    "related-to",
                    stix,
                    target,
                    f"{number} ({stix['name']}) is exploited using {capec_id} ({target['name']})",
                    [
                        {"source_name": name, "external_id": one, "url": page.format(one.partition("-")[2])}
                        for name, one, page in pages
                    ],
                )
                made[sro["id"]] = sro
    return list(made.values())


def d3fend_links(d3fend: str, attack: str, cwe: str, mapping: list[Stix]) -> list[Stix]:
    def first_id(stix: Stix) -> str:
        return str(stix["external_references"][0].get("external_id"))

    ends = {f"d3f:{one}": stix for one, stix in _by_number("cwe", cwe, "weakness").items() if one.startswith("CWE-")}
    for stix_type, letter in (("course-of-action", "M"), ("attack-pattern", "T")):
        found = _by_number("attack-enterprise", attack, stix_type)
        ends |= {f"d3f:{one}": stix for one, stix in found.items() if re.fullmatch(letter + r"[\d.]+", one)}
    kinds = ("indicator", "course-of-action", "x-mitre-matrix", "x-mitre-tactic")
    ends |= {first_id(stix): stix for stix in contents("d3fend", d3fend) if stix["type"] in kinds}
    made: dict[str, Stix] = {}
    for entry in mapping:
        source, target = ends.get(entry["source"]), ends.get(entry["target"])
        if source and target:
            kind = entry["type"].removeprefix("d3f:")
            sro = _link(
                f"{kind}+{source['id']}+{target['id']}",
                kind,
                source,
                target,
                f"{source['name']} ({first_id(source)}) {kind} {target['name']} ({first_id(target)})",
                [source["external_references"][0], target["external_references"][0]],
            )
            made.setdefault(sro["id"], sro)
    return list(made.values())


def link_embedded(link: Stix) -> list[Stix]:
    """The three embedded relationships of a link."""
    made = []
    for kind, target in [("created-by", DOGESEC), *(("object-marking", mark) for mark in _LINK_MARKINGS)]:
        made.append(
            {
                "type": "relationship",
                "spec_version": "2.1",
                "id": _sro_id(_LINK_SPACE, kind, link["id"], target),
                "created_by_ref": DOGESEC,
                "created": link["created"],
                "modified": link["modified"],
                "relationship_type": kind,
                "source_ref": link["id"],
                "target_ref": target,
                "object_marking_refs": _LINK_MARKINGS,
            }
        )
    return made


@lru_cache(maxsize=6)
def _sros(slug: str, label: str) -> dict[str, list[tuple[str, Stix]]]:
    """STIX id → family and SRO of each relationship of a release (links aside) that ends there."""
    by_end: dict[str, dict[str, tuple[str, Stix]]] = defaultdict(dict)
    for family, sro in all_sros(slug, label):
        for end in {sro["source_ref"], sro["target_ref"]}:
            by_end[end][same(sro)] = (family, sro)
    return {end: list(found.values()) for end, found in by_end.items()}


def all_sros(slug: str, label: str) -> list[tuple[str, Stix]]:
    """Family and SRO of each relationship of a release, links aside, each once."""
    return native_and_made(contents(slug, label))


def sros_of(slug: str, label: str, stix_id: str) -> list[tuple[str, Stix]]:
    return _sros(slug, label).get(stix_id, [])
