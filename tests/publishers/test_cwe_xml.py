"""CWE's catalogue becomes STIX objects."""

from __future__ import annotations

import io
import json
import re
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import pytest

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters import cwe_xml
from ctibutler.publishers.converters.conversion import Edition
from ctibutler.stix.identifiers import weakness_id
from tests.oasis import verdicts_on
from tests.shared import read_bundle, shared_path

# Shortened from CWE 4.14 (© The MITRE Corporation). The tests say what each entry is for.
CATALOGUE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Weakness_Catalog Name="CWE" Version="4.14" Date="2024-02-29" xmlns="http://cwe.mitre.org/cwe-7"
                  xmlns:xhtml="http://www.w3.org/1999/xhtml">
  <Weaknesses>
    <Weakness ID="1004" Name="Sensitive Cookie Without 'HttpOnly' Flag" Abstraction="Variant" Status="Incomplete">
      <Description>The cookie is not marked.</Description>
      <Extended_Description>
        <xhtml:p>Browsers &amp; "scripts"</xhtml:p><xhtml:div style="margin-left:1em;">a<xhtml:br/>b</xhtml:div>
      </Extended_Description>
      <Related_Weaknesses>
        <Related_Weakness Nature="ChildOf" CWE_ID="732" View_ID="1000" Ordinal="Primary"/>
        <Related_Weakness Nature="ChildOf" CWE_ID="732" View_ID="1003" Ordinal="Primary"/>
        <Related_Weakness Nature="PeerOf" CWE_ID="9999" View_ID="1000"/>
      </Related_Weaknesses>
      <Modes_Of_Introduction><Introduction><Phase>Implementation</Phase></Introduction></Modes_Of_Introduction>
      <Likelihood_Of_Exploit>Medium</Likelihood_Of_Exploit>
      <Common_Consequences>
        <Consequence><Scope>Confidentiality</Scope><Scope>Integrity</Scope></Consequence>
        <Consequence><Scope>Integrity</Scope></Consequence>
      </Common_Consequences>
      <Taxonomy_Mappings>
        <Taxonomy_Mapping Taxonomy_Name="PLOVER"><Entry_Name>Cookies</Entry_Name></Taxonomy_Mapping>
      </Taxonomy_Mappings>
      <Related_Attack_Patterns><Related_Attack_Pattern CAPEC_ID="31"/></Related_Attack_Patterns>
      <References><Reference External_Reference_ID="REF-2" Section="3"/></References>
      <Content_History>
        <Submission><Submission_Date>2017-01-02</Submission_Date></Submission>
        <Modification><Modification_Date>2023-01-31</Modification_Date></Modification>
        <Modification><Modification_Date>2023-10-26</Modification_Date></Modification>
      </Content_History>
    </Weakness>
    <Weakness ID="732" Name="DEPRECATED: Permissions" Abstraction="Class" Status="Deprecated">
      <Description>See others.</Description>
      <Content_History><Submission><Submission_Date>2008-09-08</Submission_Date></Submission></Content_History>
    </Weakness>
  </Weaknesses>
  <Categories>
    <Category ID="1001" Name="First" Status="Draft">
      <Summary>A summary.</Summary>
      <Relationships>
        <Has_Member CWE_ID="1004" View_ID="888"/><Has_Member CWE_ID="1002" View_ID="888"/>
      </Relationships>
      <Content_History><Submission><Submission_Date>2014-07-29</Submission_Date></Submission></Content_History>
    </Category>
    <Category ID="1002" Name="Second" Status="Draft">
      <Summary>A summary.</Summary>
      <Relationships><Has_Member CWE_ID="732" View_ID="888"/></Relationships>
      <Content_History><Submission><Submission_Date>2014-07-29</Submission_Date></Submission></Content_History>
    </Category>
    <Category ID="1" Name="DEPRECATED: Location" Status="Deprecated"><Summary>Gone.</Summary></Category>
  </Categories>
  <Views>
    <View ID="888" Name="A view" Type="Graph" Status="Draft">
      <Objective>An objective.</Objective>
      <Members><Has_Member CWE_ID="1001" View_ID="888"/><Has_Member CWE_ID="1002" View_ID="888"/></Members>
      <Content_History><Submission><Submission_Date>2014-07-29</Submission_Date></Submission></Content_History>
    </View>
    <View ID="604" Name="Empty" Type="Implicit" Status="Draft"><Objective>Members are computed.</Objective></View>
  </Views>
  <External_References>
    <External_Reference Reference_ID="REF-2">
      <Author>A. Author</Author><Author>B. Author</Author><Title>HttpOnly</Title>
    </External_Reference>
  </External_References>
</Weakness_Catalog>
"""


def converted(content: bytes, label: str = "4.14") -> list[dict[str, Any]]:
    return cwe_xml.convert(content, Edition(label)).objects


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return converted(CATALOGUE)


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return content.getvalue()


def damaged(content: bytes) -> bytes:
    return content[:200] + bytes(100) + content[300:]


def test_objects_come_in_the_order_of_upstreams_bundles(objects: list[dict[str, Any]]) -> None:
    assert [(obj["type"], obj.get("name", "")) for obj in objects] == [
        ("identity", "dogesec"),
        ("marking-definition", ""),
        ("extension-definition", "Weakness"),
        ("weakness", "Sensitive Cookie Without 'HttpOnly' Flag"),
        ("weakness", "DEPRECATED: Permissions"),
        ("relationship", ""),
        ("grouping", "First"),
        ("grouping", "Second"),
        ("grouping", "A view"),
    ]


def test_a_weakness_has_the_content_of_its_entry(objects: list[dict[str, Any]]) -> None:
    weakness = objects[3]
    assert weakness["id"] == "weakness--f3496f30-5625-5b6d-8297-ddc074fb26c2"
    assert (weakness["created"], weakness["modified"]) == ("2017-01-02T00:00:00.000Z", "2023-10-26T00:00:00.000Z")
    assert weakness["likelihood_of_exploit"] == "Medium"
    assert weakness["common_consequences"] == ["Confidentiality", "Integrity", "Integrity"]
    assert weakness["external_references"] == [
        {
            "source_name": "cwe",
            "url": "http://cwe.mitre.org/data/definitions/1004.html",
            "external_id": "CWE-1004",
        },
        {"source_name": "A. Author, B. Author", "description": "HttpOnly", "external_id": "REF-2"},
        {"source_name": "PLOVER", "description": "Cookies", "external_id": ""},
        {
            "source_name": "capec",
            "url": "https://capec.mitre.org/data/definitions/31.html",
            "external_id": "CAPEC-31",
        },
    ]
    assert not {"detection_methods", "revoked"} & weakness.keys()


def test_an_extended_description_is_kept_as_markup(objects: list[dict[str, Any]]) -> None:
    assert objects[3]["description"] == (
        "The cookie is not marked.\n-------------\n<span>\n"
        '        <p>Browsers &amp; &quot;scripts&quot;</p><div style="margin-left:1em;">a<br/>b</div>\n'
        "      </span>"
    )


def test_a_deprecated_weakness_is_revoked(objects: list[dict[str, Any]]) -> None:
    assert objects[4]["revoked"] is True
    assert objects[4]["modified"] == objects[4]["created"] == "2008-09-08T00:00:00.000Z"


def test_a_relationship_is_made_once_and_only_between_known_weaknesses(objects: list[dict[str, Any]]) -> None:
    (relationship,) = (obj for obj in objects if obj["type"] == "relationship")
    assert relationship["id"] == "relationship--f73bbf73-d7fc-510f-b8b6-962800debe72"
    assert relationship["relationship_type"] == "ChildOf"
    assert relationship["description"] == (
        "Sensitive Cookie Without 'HttpOnly' Flag is a ChildOf of DEPRECATED: Permissions"
    )


def test_a_category_is_related_only_to_earlier_categories(objects: list[dict[str, Any]]) -> None:
    first, second, view = objects[6:]
    assert first["object_refs"] == [objects[3]["id"]]
    assert view["object_refs"] == [first["id"], second["id"]]
    assert first["external_references"][:2] == [
        {"source_name": "cwe_category", "external_id": "CWE-1001"},
        {
            "source_name": "cwe",
            "url": "https://cwe.mitre.org/data/definitions/1001.html",
            "external_id": "CWE-1001",
        },
    ]


def test_a_zip_file_is_read_like_the_file_inside(objects: list[dict[str, Any]]) -> None:
    assert converted(zipped(cwec_xml=CATALOGUE)) == objects


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not XML", "not well-formed XML"),
        (b"<html/>", "expected Weakness_Catalog, found html"),
        (b'<!DOCTYPE Weakness_Catalog SYSTEM "http://example.com/x.dtd"><Weakness_Catalog/>', "document type"),
        (b'<!DOCTYPE c [<!ENTITY f SYSTEM "file:///etc/hostname">]><c>&f;</c>', "document type"),
        (zipped(a_xml=b"", b_xml=b""), "one .xml file in the zip file, found 2"),
        (zipped(cwec_xml=CATALOGUE)[:-30], "the zip file is cut off or damaged"),
        (zipped(cwec_xml=CATALOGUE).replace(b"cwec.xml", b"cwed.xml", 1), "the zip file is cut off or damaged"),
        (damaged(zipped(cwec_xml=CATALOGUE)), "the zip file is cut off or damaged"),
        (CATALOGUE.replace(b'ID="1004" ', b""), "Weakness .*: ID is missing"),
        (CATALOGUE.replace(b"2017-01-02", b"yesterday"), 'Weakness 1004 .*: expected a date, found "yesterday"'),
        (CATALOGUE.replace(b"Submission_Date", b"Other_Date"), "Weakness 1004 .*: Submission_Date is missing"),
    ],
)
def test_a_file_that_is_not_a_catalogue_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFile, match=message):
        converted(content)


def test_a_catalogue_of_another_release_is_refused(objects: list[dict[str, Any]]) -> None:
    with pytest.raises(MalformedFile, match=r"^CWE catalogue: expected release 4\.15, found 4\.14$"):
        converted(CATALOGUE, "4.15")
    assert (
        converted(CATALOGUE.replace(b'Version="4.14"', b""), "4.15") == objects
    )  # it does not say which release it is


def refused(objects: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """What the OASIS validator refuses: relationship types, for their spelling, and its other errors."""
    errors = set(verdicts_on(objects)[1])
    types = {error for error in errors if re.search(r": relationship_type: '\w+' contains invalid characters$", error)}
    return {error.split("'")[1] for error in types}, errors - types


def test_the_oasis_validator_refuses_only_capitals_in_relationship_types(objects: list[dict[str, Any]]) -> None:
    assert refused(objects) == ({"ChildOf"}, set())


def test_the_unpacked_size_of_a_zip_file_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cwe_xml, "MAX_XML_BYTES", 1000)
    with pytest.raises(MalformedFile, match="more than the limit of 1000 bytes"):
        converted(zipped(cwec_xml=CATALOGUE))


def catalogue_in_cwe2() -> Path:
    """The catalogue in the package cwe2, found without importing it."""
    try:
        found = [file for file in files("cwe2") or () if file.match("cwec_v*.xml")]
    except PackageNotFoundError:
        pytest.skip("the package cwe2 is not installed")
    return Path(str(found[0].locate()))


@pytest.mark.real
@pytest.mark.parametrize("source", ["MITRE", "cwe2"])
def test_release_4_14_equals_upstreams_object_for_object(source: str) -> None:
    path = catalogue_in_cwe2() if source == "cwe2" else shared_path("kb-primary/cwe/cwec_v4.14.xml.zip")
    theirs = read_bundle("cwe2stix-manual-output/cwe-bundle-v4_14.json")["objects"]
    ours = converted(path.read_bytes())
    assert len(ours) == 2754
    assert json.dumps(ours) == json.dumps(theirs)  # the order of keys included


@pytest.mark.real
def test_the_oasis_validator_also_refuses_two_invalid_urls_in_a_release() -> None:
    objects = converted(shared_path("kb-primary/cwe/cwec_v4.14.xml.zip").read_bytes())
    spoilt = {weakness_id(name) for name in ("CWE-226", "CWE-1248")}
    # All 2754 objects take 43 seconds, so every ninth is checked, and the two with an invalid URL.
    sample = [*objects[::9], *(obj for obj in objects if obj["id"] in spoilt)]
    types, others = refused(sample)
    assert types == {"ChildOf", "PeerOf", "CanPrecede", "CanAlsoBe", "Requires"}
    assert {error.split(":")[0] for error in others} == spoilt
    assert all(error.endswith("is not a 'uri'") for error in others)
