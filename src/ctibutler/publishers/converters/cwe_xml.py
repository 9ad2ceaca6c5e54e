"""Converts CWE's XML catalogue to STIX.

The objects and their order equal the result of upstream's converter for the same file. This is the reason for odd
properties, such as an empty `source_name`, or `http` in one URL and `https` in another.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from lxml import etree

from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.converters.common_properties import common_properties
from ctibutler.publishers.converters.conversion import Converted, Converter, Edition
from ctibutler.publishers.converters.cwe_description import DESCRIPTION
from ctibutler.publishers.converters.cwe_details import details
from ctibutler.publishers.converters.cwe_entries import FILE, attribute, text, texts, times
from ctibutler.publishers.converters.cwe_references import attack_patterns, cited, page, publication, taxonomies
from ctibutler.publishers.converters.xml_files import local_name, parse_xml
from ctibutler.publishers.web.archives import is_archive, single_member
from ctibutler.stix import seeds
from ctibutler.stix.identifiers import (
    cwe_category_id,
    cwe_relationship_id,
    cwe_view_id,
    seed_marking_definition_id,
    weakness_id,
)
from ctibutler.stix.markings import TLP_CLEAR

_log = logging.getLogger(__name__)

MAX_XML_BYTES: Final = 512 * 1024 * 1024
"""The largest size of an unpacked zip file. The catalogue of CWE 4.14 has 15 MB."""

_MARKINGS: Final = (TLP_CLEAR, seed_marking_definition_id("cwe2stix"))


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one release, from the XML file or MITRE's zip file of it.

    These are weaknesses, the relationships between them, and categories and views as groupings. Deprecated weaknesses are
    revoked objects. Deprecated categories and views are left out, and so are those without a known member.

    Raises MalformedFile if the file is not a CWE catalogue, or if it is the catalogue of another release.
    """
    if is_archive(content):
        content = single_member(content, ".xml", FILE, MAX_XML_BYTES)
    catalogue = _parse(content)
    _check_release(catalogue, edition)
    objects = _objects(catalogue)
    return Converted(objects, details=details(catalogue, objects))


def _objects(catalogue: etree._Element) -> list[dict[str, Any]]:
    references = {
        entry.get("Reference_ID", ""): publication(entry)
        for entry in catalogue.iterfind("{*}External_References/{*}External_Reference")
    }
    entries = list(catalogue.iterfind("{*}Weaknesses/{*}Weakness"))
    weaknesses = {attribute(entry, "ID"): _weakness(entry, references) for entry in entries}
    members = {number: weakness["id"] for number, weakness in weaknesses.items()}
    return [
        seeds.dogesec(),
        seeds.tool_marking_definition("cwe2stix"),
        seeds.weakness_extension_definition(),
        *weaknesses.values(),
        *_relationships(entries, weaknesses),
        *_categories(catalogue, references, members),
        *_views(catalogue, references, members),
    ]


def _parse(xml: bytes) -> etree._Element:
    root = parse_xml(xml, FILE)
    if local_name(root) != "Weakness_Catalog":
        raise MalformedFile(f"{FILE}: expected Weakness_Catalog, found {local_name(root)}")
    return root


def _check_release(catalogue: etree._Element, edition: Edition) -> None:
    found = catalogue.get("Version")
    if found is not None and release_labels.sort_key(found) != release_labels.sort_key(edition.label):
        raise MalformedFile(f"{FILE}: expected release {edition.label}, found {found[:40]}")


def _weakness(entry: etree._Element, references: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    number = attribute(entry, "ID")
    name = attribute(entry, "Name")
    properties: dict[str, Any] = {
        "name": name,
        "description": _description(entry),
        "modes_of_introduction": texts(entry, "Modes_Of_Introduction/{*}Introduction/{*}Phase"),
        "likelihood_of_exploit": text(entry, "Likelihood_Of_Exploit"),
        "common_consequences": texts(entry, "Common_Consequences/{*}Consequence/{*}Scope"),
        "detection_methods": texts(entry, "Detection_Methods/{*}Detection_Method/{*}Method"),
        "revoked": name.startswith("DEPRECATED:"),
    }
    return {
        **_head(entry, "weakness", weakness_id(f"CWE-{number}")),
        # Upstream leaves out empty and false properties.
        **{key: value for key, value in properties.items() if value or key in ("name", "description")},
        "external_references": [
            page("http://cwe.mitre.org/data/definitions/", "cwe", f"CWE-{number}"),
            *cited(entry, references),
            *taxonomies(entry),
            *attack_patterns(entry),
        ],
        "object_marking_refs": list(_MARKINGS),
        "extensions": {seeds.WEAKNESS_EXTENSION: {"extension_type": "new-sdo"}},
    }


def _relationships(entries: list[etree._Element], weaknesses: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each relationship once. CWE repeats it in every view that it belongs to."""
    made = set()
    for entry in entries:
        number = attribute(entry, "ID")
        for related in entry.iterfind("{*}Related_Weaknesses/{*}Related_Weakness"):
            nature, target = attribute(related, "Nature"), attribute(related, "CWE_ID")
            if target not in weaknesses:
                _log.warning(
                    "CWE-%s %s CWE-%s: the related weakness is not in the catalogue; left out", number, nature, target
                )
            elif (number, nature, target) not in made:
                made.add((number, nature, target))
                yield _relationship(weaknesses[number], nature, weaknesses[target])


def _relationship(source: Mapping[str, Any], nature: str, target: Mapping[str, Any]) -> dict[str, Any]:
    stix_id = cwe_relationship_id(nature, source["id"], target["id"])
    return {
        **common_properties(
            "relationship", stix_id, created_by=seeds.DOGESEC, created=source["created"], modified=source["modified"]
        ),
        "relationship_type": nature,
        "description": f"{source['name']} is a {nature} of {target['name']}",
        "source_ref": source["id"],
        "target_ref": target["id"],
        "external_references": [dict(source["external_references"][0]), dict(target["external_references"][0])],
        "object_marking_refs": list(_MARKINGS),
    }


def _categories(
    catalogue: etree._Element, references: Mapping[str, dict[str, Any]], members: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """The categories. Each is added to `members`, so that later ones can have it as a member.

    A category loses a member that is a later category. Upstream reads the file only once, and the objects have to be equal.
    """
    for entry in catalogue.iterfind("{*}Categories/{*}Category"):
        stix_id = cwe_category_id(attribute(entry, "Name"))
        member_ids = _member_ids(entry, "Relationships", members)
        if entry.get("Status") != "Deprecated" and member_ids:
            yield _grouping(entry, "cwe_category", stix_id, text(entry, "Summary"), member_ids, references)
            members[attribute(entry, "ID")] = stix_id


def _views(
    catalogue: etree._Element, references: Mapping[str, dict[str, Any]], members: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for entry in catalogue.iterfind("{*}Views/{*}View"):
        stix_id = cwe_view_id(attribute(entry, "ID"))
        member_ids = _member_ids(entry, "Members", members)
        if entry.get("Status") != "Deprecated" and member_ids:
            yield _grouping(entry, "cwe_view", stix_id, text(entry, "Objective"), member_ids, references)


def _grouping(
    entry: etree._Element,
    kind: str,
    stix_id: str,
    description: str,
    member_ids: list[str],
    references: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    external_id = f"CWE-{attribute(entry, 'ID')}"
    return {
        **_head(entry, "grouping", stix_id),
        "name": attribute(entry, "Name"),
        "description": description,
        "context": "unspecified",
        "object_refs": member_ids,
        "external_references": [
            {"source_name": kind, "external_id": external_id},
            page("https://cwe.mitre.org/data/definitions/", "cwe", external_id),
            *cited(entry, references),
        ],
        "object_marking_refs": list(_MARKINGS),
    }


def _member_ids(entry: etree._Element, holder: str, members: Mapping[str, str]) -> list[str]:
    named = (attribute(member, "CWE_ID") for member in entry.iterfind(f"{{*}}{holder}/{{*}}Has_Member"))
    return [members[number] for number in named if number in members]


def _head(entry: etree._Element, object_type: str, stix_id: str) -> dict[str, Any]:
    created, modified = times(entry)
    return common_properties(object_type, stix_id, created_by=seeds.DOGESEC, created=created, modified=modified)


def _description(entry: etree._Element) -> str:
    extended = entry.find("{*}Extended_Description")
    description = text(entry, "Description")
    return description if extended is None else f"{description}\n{'-' * 13}\n{_markup(extended, 'span')}"


def _markup(element: etree._Element, tag: str) -> str:
    """An element as XHTML without prefixes. Quotation marks in text are escaped too, as upstream does."""
    attributes = "".join(f' {name!s}="{_escaped(str(value))}"' for name, value in element.items())
    inner = _escaped(element.text) + "".join(
        _markup(child, local_name(child)) + _escaped(child.tail) for child in element
    )
    return f"<{tag}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{attributes}/>"


def _escaped(text: str | None) -> str:
    return escape(text or "", {'"': "&quot;"})


CONVERTER: Final = Converter("cwe-xml", 1, convert, DESCRIPTION)
