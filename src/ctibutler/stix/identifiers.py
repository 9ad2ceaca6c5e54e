"""The ids that we generate: version 5 UUIDs of defined texts.

Upstream's tools defined these ids, and data with them is in circulation. Every text below is therefore part of an
object's identity and can never change. Three things look like mistakes but are not: the texts of relationships have three
orders (type first, type last, no type at all), two of the four kinds of links contain names of database collections, and
the embedded relationships of links have a namespace of their own.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final
from uuid import UUID

# A namespace is 16 raw bytes. Those of the tools are uuid5(SEED, <tool name>), written out so that they can be searched.
SEED: Final = UUID("1abb62b9-e513-5f55-8e73-8f6d7b55c237").bytes
STORAGE: Final = UUID("72e906ce-ca1b-5d73-adcd-9ea9eb66a1b4").bytes  # stix2arango
LINKS: Final = UUID("2e51a631-99d8-52a5-95a6-8314d3f4fbf3").bytes  # arango_cti_processor
CWE: Final = UUID("d91de5c9-2d85-5cc9-97c0-c5ec8deb1a4b").bytes  # cwe2stix
DISARM: Final = UUID("8700e156-6ce9-5090-8589-f9d0aef7bdb7").bytes  # disarm2stix
LOCATIONS: Final = UUID("674a16c1-8b43-5c3e-8692-b3d8935e4903").bytes  # location2stix
D3FEND: Final = UUID("6923e7d4-e142-508c-aefc-b5f4dd27dc22").bytes  # d3fend2stix
SECTORS: Final = UUID("16cce53c-1a30-547d-ae1f-de84a1124051").bytes  # sector2stix
ATLAS: Final = b"atlas.mitre.org."  # MITRE's own: the name of its site, made 16 bytes long by a full stop

_VERSION_AND_VARIANT: Final = (0xF << 76) | (0x3 << 62)
_VERSION_5: Final = (0x5 << 76) | (0x2 << 62)


def uuid5(namespace: bytes, text: str) -> bytes:
    """The UUID of `text` (as UTF-8, nothing trimmed or folded) in a namespace, as 16 raw bytes.

    Six times faster than `uuid.uuid5`: importing one release of ATT&CK Enterprise generates 100,000.
    """
    digest = sha1(namespace + text.encode(), usedforsecurity=False).digest()
    return (int.from_bytes(digest[:16], "big") & ~_VERSION_AND_VARIANT | _VERSION_5).to_bytes(16, "big")


def stix_id(object_type: str, uuid: bytes) -> str:
    """`<type>--<uuid>` from 16 raw bytes."""
    text = uuid.hex()
    return f"{object_type}--{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def relationship_id(uuid: bytes) -> str:
    """The STIX id of a relationship from 16 raw bytes."""
    return stix_id("relationship", uuid)


# Relationships that upstream's storage layer generates from embedded references.


def embedded_relationship_uuid(relationship_type: str, source: str, target: str) -> bytes:
    """The UUID of an embedded relationship between two STIX ids as 16 raw bytes, for storing many."""
    return uuid5(STORAGE, f"{relationship_type}+{source}+{target}")


def embedded_relationship_id(relationship_type: str, source: str, target: str) -> str:
    """The id of an embedded relationship between two STIX ids. It is the same in every release."""
    return relationship_id(embedded_relationship_uuid(relationship_type, source, target))


# Relationships that upstream's link layer generates.


def technique_tactic_id(technique: str, tactic: str) -> str:
    """The relationship from a technique to a tactic of the same release, both by STIX id."""
    return relationship_id(uuid5(LINKS, f"related-to+{technique}+{tactic}"))


def capec_attack_id(attack_pattern: str, technique: str) -> str:
    """The link from an attack pattern of CAPEC to a technique of ATT&CK Enterprise, both by STIX id."""
    source = f"mitre_capec_vertex_collection/{attack_pattern}"
    return relationship_id(uuid5(LINKS, f"related-to+{source}+mitre_attack_enterprise_vertex_collection/{technique}"))


def cwe_capec_id(weakness: str, attack_pattern: str) -> str:
    """The link from a weakness of CWE to an attack pattern of CAPEC, both by STIX id."""
    source = f"mitre_cwe_vertex_collection/{weakness}"
    return relationship_id(uuid5(LINKS, f"related-to+{source}+mitre_capec_vertex_collection/{attack_pattern}"))


def atlas_attack_id(source: str, target: str) -> str:
    """The link from an object of ATLAS to its counterpart in ATT&CK Enterprise, both given by STIX id. This text is ours."""
    source = f"mitre_atlas_vertex_collection/{source}"
    return relationship_id(uuid5(LINKS, f"related-to+{source}+mitre_attack_enterprise_vertex_collection/{target}"))


def d3fend_link_id(relationship_type: str, source: str, target: str) -> str:
    """A link of D3FEND's mapping; `relationship_type` is its property without `d3f:`."""
    return relationship_id(uuid5(LINKS, f"{relationship_type}+{source}+{target}"))


def link_embedded_relationship_id(relationship_type: str, link: str, target: str) -> str:
    """An embedded relationship of a link."""
    return relationship_id(uuid5(LINKS, f"{relationship_type}+{link}+{target}"))


# Objects that identify a tool.


def seed_identity_id(name: str) -> str:
    """The identity of a tool or of its maker, such as `stix2arango` or `dogesec`."""
    return stix_id("identity", uuid5(SEED, name))


def seed_marking_definition_id(name: str) -> str:
    """The marking definition of a tool, such as `stix2arango`."""
    return stix_id("marking-definition", uuid5(SEED, name))


def extension_definition_id(name: str) -> str:
    """The extension definition of an object type, such as `weakness`."""
    return stix_id("extension-definition", uuid5(SEED, name))


# CWE.


def weakness_id(external_id: str) -> str:
    """A weakness, by an external id such as `CWE-242`."""
    return stix_id("weakness", uuid5(CWE, external_id))


def cwe_category_id(name: str) -> str:
    """A category, by its name. Its id changes when MITRE renames it."""
    return stix_id("grouping", uuid5(CWE, name))


def cwe_view_id(number: str) -> str:
    """A view, by its number, such as `1000`."""
    return stix_id("grouping", uuid5(CWE, f"view_{number}"))


def cwe_relationship_id(nature: str, source: str, target: str) -> str:
    """A relationship between two weaknesses, by STIX id; `nature` as in CWE's XML, such as `ChildOf`."""
    return relationship_id(uuid5(CWE, f"{nature}+{source}+{target}"))


# DISARM.


def disarm_tactic_id(external_id: str) -> str:
    """A tactic, by an external id such as `TA05`."""
    return stix_id("x-mitre-tactic", uuid5(DISARM, external_id))


def disarm_technique_id(external_id: str) -> str:
    """A technique or sub-technique, by an external id such as `T0086.003`."""
    return stix_id("attack-pattern", uuid5(DISARM, external_id))


def disarm_matrix_id() -> str:
    """The one matrix of DISARM."""
    return stix_id("x-mitre-matrix", uuid5(DISARM, "DISARM Red Framework"))


def disarm_relationship_id(subtechnique: str, technique: str) -> str:
    """`subtechnique-of` between two STIX ids. The type is not in the text."""
    return relationship_id(uuid5(DISARM, f"{subtechnique}+{technique}"))


# Locations.


def location_id(name: str) -> str:
    """A country or region of any level, by its name exactly as upstream's list writes it."""
    return stix_id("location", uuid5(LOCATIONS, name))


def location_relationship_id(source: str, target: str) -> str:
    """A country or region in a region, both by STIX id. The type is not in the text."""
    return relationship_id(uuid5(LOCATIONS, f"{source}+{target}"))


# Sectors.


def sector_id(name: str) -> str:
    """A sector, by its name exactly as the list writes it."""
    return stix_id("identity", uuid5(SECTORS, name))


def sector_relationship_id(relationship_type: str, source: str, target: str) -> str:
    """A subsector in a sector, both by STIX id. Upstream's text for it is not public, so this one is our own."""
    return relationship_id(uuid5(SECTORS, f"{relationship_type}+{source}+{target}"))


# D3FEND. Nodes are identified by their `@id` in the ontology, such as `d3f:Evict`.


def d3fend_tactic_id(node: str) -> str:
    """A defensive tactic, such as `d3f:Evict`."""
    return stix_id("x-mitre-tactic", uuid5(D3FEND, node))


def d3fend_technique_id(node: str) -> str:
    """A defensive technique, such as `d3f:ObjectEviction`."""
    return stix_id("course-of-action", uuid5(D3FEND, node))


def d3fend_artifact_id(node: str) -> str:
    """A digital artifact, such as `d3f:AuthenticationService`."""
    return stix_id("indicator", uuid5(D3FEND, node))


def d3fend_matrix_id() -> str:
    """The one matrix of D3FEND."""
    return stix_id("x-mitre-matrix", uuid5(D3FEND, "mitre-d3fend"))


def d3fend_relationship_id(source: str, target: str, relationship_type: str) -> str:
    """A relationship inside D3FEND between two STIX ids. The type comes last in the text."""
    return relationship_id(uuid5(D3FEND, f"{source}+{target}+{relationship_type}"))


# ATLAS. The texts are its publisher's: those of releases up to 5.6.0, where the YAML does not state the UUID itself.


def atlas_id(object_type: str, external_id: str) -> str:
    """An object, by an external id such as `AML.T0051`, `ATLAS-matrix` or `ATLAS-collection`."""
    return stix_id(object_type, uuid5(ATLAS, external_id))


def atlas_subtechnique_id(subtechnique: str, technique: str) -> str:
    """`subtechnique-of` from an external id to a STIX id."""
    return relationship_id(uuid5(ATLAS, f"{subtechnique}-subtechnique-of-{technique}"))


def atlas_mitigates_id(mitigation: str, text: str) -> str:
    """`mitigates` from an external id; `text` is the description of the relationship, or what tells it from others."""
    return relationship_id(uuid5(ATLAS, f"{mitigation}-mitigates-{text}"))


def atlas_uses_id(case_study: str, step: str, technique: str) -> str:
    """`uses` from a step of a case study, given by external id, to the STIX id of a technique. This text is ours."""
    return relationship_id(uuid5(ATLAS, f"{case_study}-{step}-uses-{technique}"))
