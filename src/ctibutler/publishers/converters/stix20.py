"""Converts ATT&CK releases in STIX 2.0 to STIX 2.1.

MITRE publishes ATT&CK in both versions. This is for when only the older one is available. From release 17.1 on, the objects
equal MITRE's own STIX 2.1 file. In earlier releases, MITRE's STIX 2.1 files also have deprecated objects from previous
releases, and a later `modified` on some objects; the STIX 2.0 files have neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

import msgspec

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.conversion import Converted, Converter, Description, Edition, ObjectRules, Rule

Domain = Literal["enterprise", "mobile", "ics"]

_MITRE: Final = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
_COPYRIGHT: Final = "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"
_OLD_SPEC_VERSION: Final = "2.1.0"
_WITH_DOMAINS: Final = frozenset(
    ("relationship", "x-mitre-data-component", "x-mitre-matrix", "identity", "marking-definition")
)


@dataclass(frozen=True, slots=True)
class Collection:
    """The properties of an `x-mitre-collection` that a STIX 2.0 file does not contain.

    Times are STIX timestamps. `description` is None if MITRE's text is not available; the object then has none.
    """

    stix_id: str
    name: str
    created: str
    modified: str
    description: str | None = None


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one ATT&CK release in STIX 2.1. The matrix in the file states the domain.

    Raises MalformedFile if the content is not a STIX 2.0 bundle of ATT&CK, or if the label is not an ATT&CK release.
    """
    return Converted(lift(content, _domain_in(content), edition.label))


def _domain_in(content: bytes) -> Domain:
    named = {
        reference.get("external_id")
        for obj in _decode(content)
        if obj.get("type") == "x-mitre-matrix"
        for reference in obj.get("external_references") or ()
    }
    for domain in get_args(Domain):
        if f"{domain}-attack" in named:
            return cast("Domain", domain)
    raise MalformedFile("ATT&CK in STIX 2.0: expected an x-mitre-matrix of ATT&CK, found none")


def lift(content: bytes, domain: Domain, label: str, collection: Collection | None = None) -> list[dict[str, Any]]:
    """The objects of one release in STIX 2.1: first the collection object, then the others in the order of the file.

    `content` is a STIX 2.0 bundle, and `label` the label of the release, such as `15.0`. Without a `collection`, the id,
    name and `created` are those of MITRE's collection for the domain. Its `modified` is the one in MITRE's index if we know
    the release, otherwise the newest `modified` in the file, because the release cannot be older than that.

    Raises MalformedFile if the content is not a STIX 2.0 bundle, or if the label is not an ATT&CK release.
    """
    release = _release(label)
    objects = _decode(content)
    lifted = [_lift_object(obj) for obj in objects]
    if release == (17, 0):
        lifted = [_without_false_deprecation(obj) for obj in lifted]
    if release < (17, 0):
        lifted = [_completed(obj, domain) for obj in lifted]
    spec_version = _highest_spec_version(lifted) if release >= (17, 1) else _OLD_SPEC_VERSION
    about = collection or _known_collection(domain, label, lifted)
    return [_collection_object(about, label, spec_version, lifted), *lifted]


def collection_in_index(index: bytes, domain: Domain, label: str) -> Collection | None:
    """A collection as described in MITRE's index of releases (`index.json`); None if the release is not in the index."""
    try:
        collections = msgspec.json.decode(index)["collections"]
        for about in collections:
            for version in about["versions"]:
                if about["id"] == _COLLECTIONS[domain].stix_id and version["version"] == label:
                    return Collection(
                        about["id"], about["name"], about["created"], version["modified"], about["description"]
                    )
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise MalformedFile(f"index of ATT&CK: not an index as MITRE publishes it: {error}") from error
    return None


def _release(label: str) -> tuple[int, int]:
    matched = re.fullmatch(r"(\d+)\.(\d+)(-beta)?", label)
    if not matched:
        raise MalformedFile(f'ATT&CK in STIX 2.0: expected a release such as 15.0, found "{label}"')
    return int(matched[1]), int(matched[2])


def _decode(content: bytes) -> list[dict[str, Any]]:
    try:
        bundle = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise MalformedFile(f"ATT&CK in STIX 2.0: not JSON: {error}") from error
    if not isinstance(bundle, dict) or bundle.get("type") != "bundle" or not isinstance(bundle.get("objects"), list):
        raise MalformedFile("ATT&CK in STIX 2.0: expected a bundle with objects")
    for position, obj in enumerate(bundle["objects"]):
        if not isinstance(obj, dict) or not isinstance(obj.get("type"), str) or not isinstance(obj.get("id"), str):
            raise MalformedFile(f"ATT&CK in STIX 2.0: objects[{position}]: expected an object with `type` and `id`")
        if "spec_version" in obj:
            raise MalformedFile(
                f"ATT&CK in STIX 2.0: objects[{position}]: expected no `spec_version`, which is STIX 2.1"
            )
    return list(bundle["objects"])


def _lift_object(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Add `spec_version` to every object and `is_family` to malware, and remove the labels of software."""
    lifted: dict[str, Any] = {}
    for key, value in obj.items():
        if key == "labels" and obj["type"] in ("malware", "tool"):
            continue
        lifted[key] = value
        if key == "type":
            lifted["spec_version"] = "2.1"
        elif key == "description" and obj["type"] == "malware":
            lifted["is_family"] = True
    if obj["type"] == "malware":
        lifted.setdefault("is_family", True)
    return lifted


def _without_false_deprecation(obj: dict[str, Any]) -> dict[str, Any]:
    if obj["type"] == "relationship" and obj.get("x_mitre_deprecated") is False:
        return {key: value for key, value in obj.items() if key != "x_mitre_deprecated"}
    return obj


def _completed(obj: dict[str, Any], domain: Domain) -> dict[str, Any]:
    """The object with the properties that only MITRE's 2.1 files had, before both versions had the same source."""
    added: dict[str, Any] = {}
    if obj["type"] in _WITH_DOMAINS:
        added["x_mitre_domains"] = [f"{domain}-attack"]
    if obj["type"] != "marking-definition":
        added["x_mitre_attack_spec_version"] = _OLD_SPEC_VERSION
    if obj["type"] == "identity":
        added["x_mitre_version"] = "1.0"
    return obj | {key: value for key, value in added.items() if key not in obj}


def _highest_spec_version(objects: Iterable[Mapping[str, Any]]) -> str:
    stated = (str(obj["x_mitre_attack_spec_version"]) for obj in objects if "x_mitre_attack_spec_version" in obj)
    return max(stated, key=_numbers, default=_OLD_SPEC_VERSION)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _collection_object(
    about: Collection, label: str, spec_version: str, objects: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    contents = [
        {"object_ref": obj["id"], "object_modified": obj.get("modified", obj.get("created"))}
        for obj in sorted(objects, key=lambda obj: str(obj["id"]))
        if obj["type"] != "marking-definition"
    ]
    described = {} if about.description is None else {"description": about.description}
    return {
        "type": "x-mitre-collection",
        "id": about.stix_id,
        "spec_version": "2.1",
        "x_mitre_attack_spec_version": spec_version,
        "name": about.name,
        "x_mitre_version": label,
        **described,
        "created_by_ref": _MITRE,
        "created": about.created,
        "modified": about.modified,
        "x_mitre_contents": contents,
        "object_marking_refs": [_COPYRIGHT],
    }


def _known_collection(domain: Domain, label: str, objects: Iterable[Mapping[str, Any]]) -> Collection:
    domain_facts = _COLLECTIONS[domain]
    newest = max((str(obj["modified"]) for obj in objects if "modified" in obj), default=domain_facts.created)
    modified = _RELEASED.get(label.removesuffix("-beta"), newest)
    return Collection(domain_facts.stix_id, domain_facts.name, domain_facts.created, modified)


@dataclass(frozen=True, slots=True)
class _DomainFacts:
    stix_id: str
    name: str
    created: str


_COLLECTIONS: Final[Mapping[Domain, _DomainFacts]] = {
    "enterprise": _DomainFacts(
        "x-mitre-collection--1f5f1533-f617-4ca8-9ab4-6a02367fa019", "Enterprise ATT&CK", "2018-01-17T12:56:55.080Z"
    ),
    "mobile": _DomainFacts(
        "x-mitre-collection--dac0d2d7-8653-445c-9bff-82f934c1e858", "Mobile ATT&CK", "2018-01-17T12:56:55.080Z"
    ),
    "ics": _DomainFacts(
        "x-mitre-collection--90c00720-636b-4485-b342-8751d232bf09", "ICS ATT&CK", "2020-10-27T14:49:39.188Z"
    ),
}

# `modified` of the collection of each release, from MITRE's index. It is the same in all domains.
_RELEASED: Final[Mapping[str, str]] = {
    "18.1": "2025-11-13T14:00:00.188Z",
    "18.0": "2025-10-28T14:00:00.188Z",
    "17.1": "2025-05-06T14:00:00.188Z",
    "17.0": "2025-04-22T14:00:00.188Z",
    "16.1": "2024-11-12T14:00:00.188Z",
    "16.0": "2024-10-31T14:00:00.188Z",
    "15.1": "2024-05-02T14:00:00.188Z",
    "15.0": "2024-04-23T14:00:00.188Z",
    "14.1": "2023-11-14T14:00:00.188Z",
    "14.0": "2023-10-31T14:00:00.188Z",
    "13.1": "2023-05-09T14:00:00.188Z",
    "13.0": "2023-04-25T14:00:00.188Z",
    "12.1": "2022-11-08T14:00:00.188Z",
    "12.0": "2022-10-25T14:00:00.188Z",
    "11.3": "2022-07-07T14:00:00.188Z",
    "11.2": "2022-05-24T14:00:00.188Z",
    "11.1": "2022-05-11T14:00:00.188Z",
    "11.0": "2022-04-25T10:00:00.188Z",
    "10.1": "2021-11-10T14:00:00.188Z",
    "10.0": "2021-10-21T14:00:00.188Z",
    "9.0": "2021-04-29T14:49:39.188Z",
    "8.2": "2021-01-27T14:49:39.188Z",
    "8.1": "2020-11-12T14:49:39.188Z",
    "8.0": "2020-10-27T14:49:39.188Z",
}


_DESCRIPTION: Final = Description(
    title="ATT&CK in STIX 2.0",
    reads="`<domain>-attack.json`, as MITRE publishes it in STIX 2.0; its matrix states the domain",
    objects=(
        ObjectRules(
            kind="every object of the file",
            of="the same object",
            id_text="nothing; it keeps MITRE's id",
            rules=(
                Rule("spec_version", "`2.1`, after the type"),
                Rule("labels", "removed from malware and tools"),
                Rule("is_family", "true, on malware"),
                Rule("x_mitre_deprecated", "removed from relationships of release 17.0 if false"),
                Rule(
                    "x_mitre_domains",
                    "before 17.0, if it is missing: the domain, on relationships, data components, matrices, "
                    "identities and marking definitions",
                ),
                Rule(
                    "x_mitre_attack_spec_version",
                    "before 17.0, if it is missing: `2.1.0`, on everything except marking definitions",
                ),
                Rule("x_mitre_version", "before 17.0, if it is missing: `1.0`, on identities"),
            ),
        ),
        ObjectRules(
            kind="x-mitre-collection",
            of="the file as a whole; it is the first object",
            id_text="nothing; it has the id of MITRE's collection for the domain",
            rules=(
                Rule("name, created", "those of MITRE's collection for the domain"),
                Rule(
                    "modified",
                    "the time of the release in MITRE's index; if that is unknown, the newest `modified` in the file",
                ),
                Rule("x_mitre_version", "the release"),
                Rule(
                    "x_mitre_attack_spec_version",
                    "from 17.1 on, the highest one of all objects; before that, `2.1.0`",
                ),
                Rule("x_mitre_contents", "the id and time of every object except marking definitions, ordered by id"),
            ),
        ),
    ),
    remarks=("Everything else is as MITRE published it, in the order of the file.",),
    differences=(
        "From release 17.1 on, the objects equal MITRE's STIX 2.1 file, except that the collection has no description, "
        "because the STIX 2.0 file does not contain it.",
        "In earlier releases, MITRE's STIX 2.1 files also have deprecated objects from previous releases, and a later "
        "`modified` on some objects. The STIX 2.0 files have neither.",
    ),
)

CONVERTER: Final = Converter("stix20", 1, convert, _DESCRIPTION)
