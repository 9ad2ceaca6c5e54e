"""The details of entries in CWE's XML catalogue: what their STIX objects do not contain.

One rule reads nearly everything, including elements that later releases add: an element with child elements becomes a
record, a container becomes a list, an attribute becomes text, and so does everything else, with its markup as plain text.
The tables below are the exceptions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from lxml import etree

from ctibutler.publishers.converters.xhtml import plain_text
from ctibutler.publishers.converters.xml_files import local_name

CARRIED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ID": "external_references",
        "Name": "name",
        "Description": "description",
        "Extended_Description": "description",
        "Likelihood_Of_Exploit": "likelihood_of_exploit",
        "Related_Attack_Patterns": "external_references",
    }
)
"""Attributes and elements of an entry that its STIX object contains completely, and in which property. They are left out.

Summaries of categories and objectives of views are not among them, because their markup is lost in STIX.
"""

_CONTAINERS: Final = frozenset(
    (
        "Affected_Resources",
        "Alternate_Terms",
        "Applicable_Platforms",
        "Audience",
        "Background_Details",
        "Common_Consequences",
        "Demonstrative_Examples",
        "Detection_Methods",
        "Exploitation_Factors",
        "Functional_Areas",
        "Members",
        "Modes_Of_Introduction",
        "Notes",
        "Observed_Examples",
        "Potential_Mitigations",
        "Reasons",
        "References",
        "Related_Weaknesses",
        "Relationships",
        "Suggestions",
        "Taxonomy_Mappings",
        "Weakness_Ordinalities",
    )
)
"""Elements that contain only a list."""

_REPEATED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Consequence": ("Scope", "Impact"),
        "Content_History": ("Submission", "Modification", "Contribution", "Previous_Entry_Name"),
        "External_Reference": ("Author",),
        "Mitigation": ("Phase",),
    }
)
"""Child elements that become a list under the plural of their name, even if there is only one."""

_NAMED_TEXTS: Final[Mapping[str, str]] = MappingProxyType({"Previous_Entry_Name": "name", "Note": "text"})
"""The names of the text of elements that also have attributes."""

_NUMBERS: Final = frozenset(("CWE_ID", "View_ID", "Chain_ID"))
"""Attributes that are the number of an entry: `79` becomes `CWE-79`."""

Detail = dict[str, Any]


def details(catalogue: etree._Element, objects: Iterable[Mapping[str, Any]]) -> dict[str, Detail]:
    """The details of objects that were converted from this catalogue, by STIX id and in the order of the catalogue.

    Empty values are left out.
    """
    stix_ids = {_external_id(stix): stix["id"] for stix in objects if stix["type"] in ("weakness", "grouping")}
    reader = _Reader(catalogue)
    entries = (
        entry
        for path in ("{*}Weaknesses/{*}Weakness", "{*}Categories/{*}Category", "{*}Views/{*}View")
        for entry in catalogue.iterfind(path)
    )
    return {
        stix_ids[external_id]: reader.entry(entry)
        for entry in entries
        if (external_id := f"CWE-{entry.get('ID')}") in stix_ids
    }


def _external_id(stix: Mapping[str, Any]) -> str:
    references = stix["external_references"]
    return next(str(reference["external_id"]) for reference in references if reference["source_name"] == "cwe")


class _Reader:
    """Reads entries, with the publications that they cite and the categories and views that they are members of."""

    def __init__(self, catalogue: etree._Element) -> None:
        self._publications = {
            entry.get("Reference_ID"): self._publication(entry)
            for entry in catalogue.iterfind("{*}External_References/{*}External_Reference")
        }
        self._memberships: defaultdict[str | None, list[Detail]] = defaultdict(list)
        for owner in (*catalogue.iterfind("{*}Categories/{*}Category"), *catalogue.iterfind("{*}Views/{*}View")):
            for member in owner.iterfind("{*}*/{*}Has_Member"):
                membership = {**_attributes(member), "cwe_id": f"CWE-{owner.get('ID')}"}
                self._memberships[member.get("CWE_ID")].append(membership)

    def entry(self, entry: etree._Element) -> Detail:
        """Everything in an entry that its STIX object does not contain."""
        read = self._record(entry, left_out=CARRIED.keys())
        memberships = self._memberships.get(entry.get("ID"))
        return {**read, "memberships": memberships} if memberships else read

    def _value(self, element: etree._Element) -> Any:
        tag = local_name(element)
        if tag in _CONTAINERS:
            return [value for child in element if (value := self._item(element, child))]
        if tag == "Demonstrative_Example":
            return self._example(element)
        if "External_Reference_ID" in element.attrib:
            return self._reference(element)
        if tag == "Reason":
            return element.get("Type")
        if any(_is_of_catalogue(child) for child in element):
            return self._record(element)
        text = plain_text(element)
        if not element.attrib:
            return text
        attributes = _attributes(element)
        return {**attributes, _NAMED_TEXTS.get(tag, "text"): text} if text else attributes

    def _item(self, container: etree._Element, element: etree._Element) -> Any:
        if local_name(container) == "Applicable_Platforms":
            return {"kind": local_name(element).lower(), **_attributes(element)}
        return self._value(element)

    def _record(self, element: etree._Element, left_out: Container[str] = ()) -> Detail:
        record = _attributes(element, left_out)
        own_tag = local_name(element)
        repeated = _REPEATED.get(own_tag, ())
        # A child of `Modification` is named `Modification_Date`, and here `date`.
        prefix = f"{own_tag}_" if own_tag in _REPEATED["Content_History"] else ""
        for child in element:
            tag = local_name(child)
            if tag in left_out:
                continue
            value = self._value(child)
            if not value:
                continue
            name = _snake(tag.removeprefix(prefix))
            if tag in repeated:
                record.setdefault(f"{name}s", []).append(value)
            elif name not in record:
                record[name] = value
            else:
                earlier = record[name] if isinstance(record[name], list) else [record[name]]
                record[name] = [*earlier, value]
        return record

    def _example(self, example: etree._Element) -> Detail:
        """Texts and code explain each other in their order, so they become one list."""
        words = {"Body_Text": "text", "Example_Code": "code"}
        parts = [
            {**_attributes(child), words[tag]: text}
            for child in example
            if (tag := local_name(child)) in words and (text := plain_text(child))
        ]
        read = self._record(example, left_out=words)
        return {**read, "parts": parts} if parts else read

    def _reference(self, reference: etree._Element) -> Detail:
        number = reference.get("External_Reference_ID")
        cited = {"reference_id": number, **self._publications.get(number, {})}
        section = reference.get("Section")
        return {**cited, "section": section} if section else cited

    def _publication(self, entry: etree._Element) -> Detail:
        """A publication. Its year, month and day (`2003`, `--05`, `---12`) become one date."""
        tags = ("Publication_Year", "Publication_Month", "Publication_Day")
        parts = [(entry.findtext(f"{{*}}{tag}") or "").strip().lstrip("-") for tag in tags]
        day = "-".join(part for part in parts if part)
        record = self._record(entry, left_out=tags)
        return {**record, "publication_date": day} if day else record


def _attributes(element: etree._Element, left_out: Container[str] = ()) -> Detail:
    return {
        _snake(name): f"CWE-{value}" if name in _NUMBERS else value
        for name, value in ((str(name), str(value)) for name, value in element.items())
        if value and name not in left_out
    }


@lru_cache(maxsize=1024)
def _snake(name: str) -> str:
    """`Mitigation_ID` → `mitigation_id`, `ReleaseDate` → `release_date`."""
    if name == "Relationships":  # the members of a category; a view calls them `Members`
        return "members"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _is_of_catalogue(element: etree._Element) -> bool:
    return not element.tag.startswith("{http://www.w3.org/1999/xhtml}")
