"""Details of CWE that its STIX form lacks: all of them, on the right objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from lxml import etree

from ctibutler.knowledge_bases.cwe_details import CWE_DETAILS
from ctibutler.knowledge_bases.declaration import DetailField
from ctibutler.publishers.converters import cwe_xml
from ctibutler.publishers.converters.conversion import Converted, Edition
from ctibutler.publishers.converters.cwe_details import CARRIED
from tests.shared import shared_path

EXCERPT = Path(__file__).parent / "data" / "cwec_v4.14-excerpt.xml"
CATALOGUE = "kb-primary/cwe/cwec_v4.14.xml.zip"
KINDS = ("Weakness", "Category", "View")
LAYOUT = {"style"}


def by_number(converted: Converted) -> dict[str, dict[str, Any]]:
    """The details by CWE id."""
    assert converted.details is not None
    numbers = {
        stix["id"]: next(ref["external_id"] for ref in stix["external_references"] if ref["source_name"] == "cwe")
        for stix in converted.objects
        if stix["type"] in ("weakness", "grouping")
    }
    return {numbers[stix_id]: dict(detail) for stix_id, detail in converted.details.items()}


@lru_cache(maxsize=1)
def excerpt() -> dict[str, dict[str, Any]]:
    return by_number(cwe_xml.convert(EXCERPT.read_bytes(), Edition("4.14")))


@lru_cache(maxsize=1)
def release_4_14() -> tuple[etree._Element, Converted, dict[str, dict[str, Any]]]:
    """The real catalogue, its conversion, and the details by CWE id."""
    path = shared_path(CATALOGUE)
    with ZipFile(path) as archive:
        root = etree.fromstring(archive.read("cwec_v4.14.xml"))
    converted = cwe_xml.convert(path.read_bytes(), Edition("4.14"))
    return root, converted, by_number(converted)


def tag_of(element: etree._Element) -> str:
    return etree.QName(element).localname


def leaves(value: object) -> Iterator[str]:
    """Every text in a detail."""
    if isinstance(value, str):
        yield value
    else:
        assert isinstance(value, dict | list)
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)


def words(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


def texts_in(element: etree._Element) -> Iterator[str]:
    """Every text and value in an element, whatever its name."""
    yield from (str(value) for name, value in element.items() if name not in LAYOUT)
    yield element.text or ""
    for child in element:
        yield from texts_in(child)
        yield child.tail or ""


def texts_beyond_stix(entry: etree._Element) -> Iterator[str]:
    """The texts of an entry that its STIX object lacks."""
    yield from (str(value) for name, value in entry.items() if name not in CARRIED)
    for child in entry:
        if tag_of(child) not in CARRIED:
            yield from texts_in(child)


def entries(root: etree._Element, numbers: Iterable[str]) -> Iterator[tuple[str, etree._Element]]:
    """The entries that have become objects, with their CWE ids."""
    wanted = set(numbers)
    for kind in KINDS:
        for entry in root.iter(f"{{*}}{kind}"):
            if f"CWE-{entry.get('ID')}" in wanted:
                yield f"CWE-{entry.get('ID')}", entry


def test_a_weakness_has_everything_on_its_web_page() -> None:
    detail = excerpt()["CWE-1287"]
    assert (detail["abstraction"], detail["structure"], detail["status"]) == ("Base", "Simple", "Incomplete")
    assert detail["related_weaknesses"] == [
        {"nature": "ChildOf", "cwe_id": "CWE-20", "view_id": "CWE-1000", "ordinal": "Primary"},
        {"nature": "PeerOf", "cwe_id": "CWE-843", "view_id": "CWE-1000", "ordinal": "Primary"},
    ]
    assert detail["observed_examples"] == [
        {
            "reference": "CVE-2008-2223",
            "description": "SQL injection through an ID that was supposed to be numeric.",
            "link": "https://www.cve.org/CVERecord?id=CVE-2008-2223",
        }
    ]
    [mitigation] = detail["potential_mitigations"]
    description = mitigation.pop("description")
    assert mitigation == {
        "mitigation_id": "MIT-5",
        "phases": ["Implementation"],
        "strategy": "Input Validation",
        "effectiveness": "High",
    }
    first, second, third = description.split("\n\n")
    assert first.startswith("Assume all input is malicious.")
    assert '"red" or "blue."' in second
    assert third.endswith("should be rejected outright.")
    assert detail["mapping_notes"]["usage"] == "Allowed"
    assert detail["mapping_notes"]["reasons"] == ["Acceptable-Use"]
    assert [(note["type"], note["text"][:10]) for note in detail["notes"]] == [("Maintenance", "This entry")]
    assert detail["memberships"] == [{"cwe_id": "CWE-1406", "view_id": "CWE-1400"}]


def test_platforms_of_every_kind_are_one_list() -> None:
    assert excerpt()["CWE-1332"]["applicable_platforms"] == [
        {"kind": "language", "class": "Not Language-Specific", "prevalence": "Undetermined"},
        {"kind": "operating_system", "class": "Not OS-Specific", "prevalence": "Undetermined"},
        {"kind": "architecture", "class": "Not Architecture-Specific", "prevalence": "Undetermined"},
        {"kind": "technology", "class": "System on Chip", "prevalence": "Undetermined"},
    ]


def test_consequences_keep_scope_impact_likelihood_and_note_together() -> None:
    [consequence] = excerpt()["CWE-1332"]["common_consequences"]
    assert consequence["scopes"] == ["Confidentiality", "Integrity", "Authentication"]
    assert consequence["impacts"] == ["Bypass Protection Mechanism", "Alter Execution Logic", "Unexpected State"]
    assert consequence["likelihood"] == "High"
    assert consequence["note"].startswith("Depending on the context")


def test_examples_keep_the_order_of_explanations_and_code() -> None:
    [example] = excerpt()["CWE-680"]["demonstrative_examples"]
    assert example["demonstrative_example_id"] == "DX-33"
    code, text = example["parts"]
    assert (code["nature"], code["language"]) == ("Bad", "C")
    assert code["code"].split("\n") == [
        "img_t table_ptr; /*struct containing img data, 10kB each*/",
        "int num_imgs;",
        "...",
        "num_imgs = get_num_imgs();",
        "table_ptr = (img_t*)malloc(sizeof(img_t)*num_imgs);",
        "...",
    ]
    assert text["text"].startswith("This code intends to allocate")
    [example] = excerpt()["CWE-1332"]["demonstrative_examples"]
    assert [sorted(part) for part in example["parts"]] == [["code", "nature"], ["text"], ["code", "nature"]]
    assert [line[:5] for line in example["parts"][2]["code"].split("\n")] == ["- add"] * 3


def test_the_links_of_a_chain_name_the_chain() -> None:
    assert excerpt()["CWE-680"]["related_weaknesses"][0] == {
        "nature": "StartsWith",
        "cwe_id": "CWE-190",
        "view_id": "CWE-709",
        "chain_id": "CWE-680",
    }


def test_references_are_completed_from_the_bibliography() -> None:
    references = excerpt()["CWE-1332"]["references"]
    assert references[2] == {
        "reference_id": "REF-1223",
        "authors": ["Niek Timmers", "Albert Spruyt", "Marc Witteman"],
        "title": "Controlling PC on ARM using Fault Injection",
        "url": "https://fdtc.deib.polimi.it/FDTC16/shared/FDTC-2016-session_2_1.pdf",
        "url_date": "2023-04-07",
        "publication_date": "2016-06-11",
    }
    assert (references[0]["publication_date"], references[4]["section"]) == ("2011-09", "4.3")


def test_the_history_has_names_dates_and_comments() -> None:
    history = excerpt()["CWE-1332"]["content_history"]
    assert history["submissions"] == [
        {
            "name": "Jasper van Woudenberg",
            "organization": "Riscure",
            "date": "2020-10-14",
            "version": "4.3",
            "release_date": "2020-12-10",
        }
    ]
    assert len(history["modifications"]) == 9
    assert history["modifications"][-1]["comment"] == "updated Mapping_Notes"
    assert history["contributions"][0]["type"] == "Content"
    assert history["previous_entry_names"] == [
        {"date": "2021-10-28", "name": "Insufficient Protection Against Instruction Skipping Via Fault Injection"}
    ]


def test_categories_and_views_have_details_too() -> None:
    category, view = excerpt()["CWE-1406"], excerpt()["CWE-1400"]
    assert category["summary"] == "Weaknesses in this category are related to improper input validation."
    assert {"cwe_id": "CWE-1287", "view_id": "CWE-1400"} in category["members"]
    assert category["memberships"] == [{"cwe_id": "CWE-1400", "view_id": "CWE-1400"}]
    assert view["type"] == "Graph"
    assert [audience["type"] for audience in view["audience"]] == ["Academic Researchers"]
    assert len(view["objective"].split("\n\n")) == 3
    assert len(view["members"]) == 22


def test_elements_of_later_releases_are_converted_too() -> None:
    later = EXCERPT.read_bytes().replace(
        b"<Mapping_Notes>",
        b'<Diagram Kind="flow"><Image_File>a.png</Image_File><Image_File>b.png</Image_File></Diagram><Mapping_Notes>',
        1,
    )
    detail = by_number(cwe_xml.convert(later, Edition("4.14")))["CWE-1287"]
    assert detail["diagram"] == {"kind": "flow", "image_file": ["a.png", "b.png"]}


def test_every_field_is_declared() -> None:
    for detail in excerpt().values():
        assert not list(undeclared(detail, CWE_DETAILS))


def undeclared(record: dict[str, Any], fields: tuple[DetailField, ...], path: str = "") -> Iterator[str]:
    """The paths at which a detail differs from the declared fields."""
    declared = {field.name: field for field in fields}
    for name, value in record.items():
        field = declared.get(name)
        items = value if isinstance(value, list) else [value]
        if field is None or field.many != isinstance(value, list):
            yield f"{path}{name}"
        elif field.fields:
            for item in items:
                yield from undeclared(item, field.fields, f"{path}{name}.")
        elif not all(isinstance(item, str) and item for item in items):
            yield f"{path}{name}"


def paths(fields: tuple[DetailField, ...], above: str = "") -> Iterator[str]:
    for field in fields:
        yield above + field.name
        yield from paths(field.fields, f"{above}{field.name}.")


def paths_in(value: object, above: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield above + name
            yield from paths_in(item, f"{above}{name}.")
    elif isinstance(value, list):
        for item in value:
            yield from paths_in(item, above)


@pytest.mark.real
class TestRelease:
    """The whole of CWE 4.14, compared with its XML read in another way."""

    def test_every_object_made_from_an_entry_has_details(self) -> None:
        root, converted, details = release_4_14()
        named = {stix["id"] for stix in converted.objects if stix["type"] in ("weakness", "grouping")}
        assert converted.details is not None
        assert converted.details.keys() == named
        assert len(details) == len(named) == 963 + 334 + 34
        assert sum(1 for _ in entries(root, details)) == len(details)

    def test_nothing_is_lost(self) -> None:
        root, _, details = release_4_14()
        for number, entry in entries(root, details):
            lost = words(texts_beyond_stix(entry)) - words(leaves(details[number]))
            assert not lost, f"{number}: {lost}"

    def test_everything_left_out_of_the_details_is_in_the_object(self) -> None:
        root, converted, details = release_4_14()
        assert converted.details is not None
        objects = {stix["id"]: stix for stix in converted.objects}
        stix_ids = dict(zip(details, converted.details, strict=True))
        seen = set()
        for number, entry in entries(root, details):
            stix = objects[stix_ids[number]]
            left_out = [(str(name), [str(value)]) for name, value in entry.items() if name in CARRIED]
            left_out += [(tag_of(child), list(texts_in(child))) for child in entry if tag_of(child) in CARRIED]
            for name, texts in left_out:
                seen.add(name)
                # Extended descriptions are markup, with entities.
                carried = unescape(" ".join(leaves(stix[CARRIED[name]])))
                assert not words(texts) - words([carried]), f"{number}: {name}"
        assert seen == CARRIED.keys()

    def test_fields_and_declarations_match(self) -> None:
        _, _, details = release_4_14()
        for number, detail in details.items():
            assert not list(undeclared(detail, CWE_DETAILS)), number
        made = {path for detail in details.values() for path in paths_in(detail)}
        # The schema of CWE has these; no entry of this release does.
        unused = {
            "applicable_platforms.cpe_id",
            "applicable_platforms.version",
            *(f"demonstrative_examples.references.{name}" for name in ("section", "edition", "publication")),
        }
        assert set(paths(CWE_DETAILS)) - made == unused

    @pytest.mark.parametrize(
        ("path", "count"),
        [
            ("Potential_Mitigations/Mitigation", lambda detail: len(detail.get("potential_mitigations", ()))),
            ("Observed_Examples/Observed_Example", lambda detail: len(detail.get("observed_examples", ()))),
            ("Related_Weaknesses/Related_Weakness", lambda detail: len(detail.get("related_weaknesses", ()))),
            ("Applicable_Platforms/*", lambda detail: len(detail.get("applicable_platforms", ()))),
            ("Detection_Methods/Detection_Method", lambda detail: len(detail.get("detection_methods", ()))),
            ("Alternate_Terms/Alternate_Term", lambda detail: len(detail.get("alternate_terms", ()))),
            ("Notes/Note", lambda detail: len(detail.get("notes", ()))),
            ("Content_History/Modification", lambda detail: len(detail["content_history"].get("modifications", ()))),
            (
                "Common_Consequences/Consequence/Impact",
                lambda detail: sum(len(one["impacts"]) for one in detail.get("common_consequences", ())),
            ),
            (
                "Demonstrative_Examples/Demonstrative_Example/Example_Code",
                lambda detail: sum(
                    "code" in part
                    for example in detail.get("demonstrative_examples", ())
                    for part in example.get("parts", ())
                ),
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_lists_have_as_many_items_as_the_catalogue(self, path: str, count: Callable[[Any], int]) -> None:
        root, _, details = release_4_14()
        xpath = "{*}" + path.replace("/", "/{*}")
        for number, entry in entries(root, details):
            assert count(details[number]) == len(entry.findall(xpath)), number

    def test_usages_by_kind(self) -> None:
        root, _, details = release_4_14()
        expected = Counter(
            (tag_of(entry), entry.findtext("{*}Mapping_Notes/{*}Usage")) for _, entry in entries(root, details)
        )
        kinds = {number: tag_of(entry) for number, entry in entries(root, details)}
        found = Counter((kinds[number], detail["mapping_notes"]["usage"]) for number, detail in details.items())
        assert found == expected
        assert found["Weakness", "Allowed"] == 752
        assert found["Weakness", "Discouraged"] == 41

    def test_observed_examples_of_cross_site_scripting(self) -> None:
        _, _, details = release_4_14()
        references = [example["reference"] for example in details["CWE-79"]["observed_examples"]]
        assert len(references) == len(set(references)) == 18
        assert "CVE-2021-25926" in references
        assert all(re.fullmatch(r"CVE-\d{4}-\d{4,}", reference) for reference in references)

    def test_memberships_are_the_inverse_of_the_members(self) -> None:
        root, _, details = release_4_14()
        pairs = Counter(
            (f"CWE-{owner.get('ID')}", f"CWE-{member.get('CWE_ID')}", f"CWE-{member.get('View_ID')}")
            for kind in ("Category", "View")
            for owner in root.iter(f"{{*}}{kind}")
            for member in owner.iter("{*}Has_Member")
        )
        found = Counter(
            (item["cwe_id"], number, item["view_id"])
            for number, detail in details.items()
            for item in detail.get("memberships", ())
        )
        assert found == Counter({pair: times for pair, times in pairs.items() if pair[1] in details})
        assert ("CWE-1347", "CWE-79", "CWE-1344") in found
