"""External references of entries in CWE's XML catalogue: their own pages, and the sources that they cite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from ctibutler.publishers.converters.cwe_entries import attribute, text, texts


def page(folder: str, source_name: str, external_id: str) -> dict[str, Any]:
    """The page of an entry, by the number in its external id, in a folder of MITRE's site."""
    number = external_id.rpartition("-")[2]
    return {"source_name": source_name, "url": f"{folder}{number}.html", "external_id": external_id}


def publication(entry: etree._Element) -> dict[str, Any]:
    """A publication from the catalogue's bibliography. Its authors become the source name, its number the external id."""
    reference = {
        "source_name": ", ".join(texts(entry, "Author")),
        "description": text(entry, "Title"),
        "url": text(entry, "URL"),
        "external_id": attribute(entry, "Reference_ID"),
    }
    if not reference["url"]:
        del reference["url"]
    return reference


def cited(entry: etree._Element, references: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The publications that an entry cites, from the first list of references at any depth.

    In seven weaknesses of 4.14 (CWE-287, CWE-1339 …) the first list belongs to an example, and the weakness's own list is
    lost. Upstream's converter does the same, and our objects have to be equal to its objects.
    """
    cited = next(entry.iter("{*}References"), ())
    numbers = (attribute(reference, "External_Reference_ID") for reference in cited)
    return [dict(references[number]) for number in numbers if number in references]


def taxonomies(entry: etree._Element) -> list[dict[str, Any]]:
    """What other taxonomies call an entry."""
    return [
        {
            "source_name": attribute(mapping, "Taxonomy_Name"),
            "description": text(mapping, "Entry_Name"),
            "external_id": text(mapping, "Entry_ID"),
        }
        for mapping in entry.iterfind("{*}Taxonomy_Mappings/{*}Taxonomy_Mapping")
    ]


def attack_patterns(entry: etree._Element) -> list[dict[str, Any]]:
    """The CAPEC attack patterns that use a weakness."""
    related = entry.iterfind("{*}Related_Attack_Patterns/{*}Related_Attack_Pattern")
    numbers = (attribute(one, "CAPEC_ID") for one in related)
    return [page("https://capec.mitre.org/data/definitions/", "capec", f"CAPEC-{number}") for number in numbers]
