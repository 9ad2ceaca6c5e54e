"""History, differences and timelines on pages: what they say equals what plain Python finds in the bundles."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.catalogue import installed_labels, published
from tests.pages.conftest import read
from tests.pages.documents import Document, check
from tests.server.serving import Server

pytestmark = pytest.mark.real
BASH = "/attack-enterprise/18.1/T1552.003"


def technique(label: str, external_id: str) -> dict[str, Any]:
    """The live technique with this id in a release of Enterprise."""
    [found] = [
        stix
        for stix in published("attack-enterprise", label)
        if stix["type"] == "attack-pattern" and stix["external_references"][0]["external_id"] == external_id
    ]
    return found


def words(text: str) -> list[str]:
    """The words of a text as people read it: without citations, and without the addresses of links."""
    without = re.sub(r"\(Citation: [^)]*\)|<[^>]+>", " ", text)
    return re.findall(r"\w+", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", without).lower())


def page(server: Server, address: str) -> Document:
    """A page that is found, and valid."""
    answer = read(server, address)
    assert answer.status_code == 200, answer.text
    document = Document(answer.text)
    check(document, address.partition("?")[0], "attack-enterprise", "18.1")
    return document


def property_row(document: Document, path: str) -> ElementTree.Element:
    """The row of a property."""
    [row] = [
        it
        for it in document.root.iter("div")
        if it.attrib.get("class") == "changed" and "".join(it.find("dt").itertext()).endswith(path)  # type: ignore[union-attr]
    ]
    return row


def without(element: ElementTree.Element, tag: str) -> str:
    """The text of an element but for the elements with this tag."""

    def texts(inside: ElementTree.Element) -> Iterator[str]:
        if inside.tag != tag:
            yield inside.text or ""
            for child in inside:
                yield from texts(child)
                yield child.tail or ""

    return "".join(texts(element))


@pytest.mark.parametrize(("before", "after"), [("17.1", "18.1"), ("16.0", "18.1")])
def test_word_by_word_both_descriptions_are_there(everything: Server, before: str, after: str) -> None:
    document = page(everything, f"{BASH}/diff?from={before}")
    prose = next(it for it in property_row(document, "description").iter("div") if "words" in it.attrib["class"])
    assert words(without(prose, "ins")) == words(technique(before, "T1552.003")["description"])
    assert words(without(prose, "del")) == words(technique(after, "T1552.003")["description"])


def test_lists_show_what_came_and_what_stayed(everything: Server) -> None:
    document = page(everything, f"{BASH}/diff?from=17.1")
    chips = {
        (it.attrib["class"], "".join(it.itertext()).strip())
        for it in property_row(document, "x_mitre_platforms").iter("li")
    }
    old, new = (set(technique(label, "T1552.003")["x_mitre_platforms"]) for label in ("17.1", "18.1"))
    assert chips == {("sign-same", word) for word in old & new} | {
        ("sign-added", f"+added {word}") for word in new - old
    }
    assert new > old


def test_a_name_says_what_it_was(everything: Server) -> None:
    name = property_row(page(everything, f"{BASH}/diff?from=17.1"), "name")
    assert [it.text for it in name.iter("del")] == ["Bash"]
    assert [it.text for it in name.iter("ins")] == ["Shell"]


@pytest.mark.parametrize("view", ["inline", "sides", "raw"])
def test_each_view_is_a_page(everything: Server, view: str) -> None:
    document = page(everything, f"{BASH}/diff?from=17.1&view={view}")
    assert "Shell History: 17.1 → 18.1" in document.words


def test_the_published_lines_are_all_there(everything: Server) -> None:
    document = page(everything, f"{BASH}/diff?from=17.1&view=raw")
    [pre] = document.root.iter("pre")
    shown = {line.text for line in pre.iter("ins")}
    old, new = (
        set(json.dumps(technique(label, "T1552.003"), indent=2, ensure_ascii=False).splitlines())
        for label in ("17.1", "18.1")
    )
    assert {f"+{line}" for line in new - old} <= shown | {"+++ 18.1"}


def test_the_other_forms_are_those_of_the_api(everything: Server) -> None:
    stix_id = technique("18.1", "T1552.003")["id"]
    base = f"/api/v1/attack-enterprise/objects/{stix_id}"
    assert everything.get(f"{BASH}/diff.json?from=17.1").content == (
        everything.get(f"{base}/diff/?from=17.1&to=18.1").content
    )
    history = everything.get(f"{BASH}/history.json")
    assert history.content == everything.get(f"{base}/history/").content
    rows = list(csv.DictReader(io.StringIO(everything.get(f"{BASH}/history.csv").text)))
    assert len(rows) == history.json()["total_results_count"]
    feed = ElementTree.fromstring(everything.get(f"{BASH}/history.atom").content)  # noqa: S314 - our own
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == len(rows)
    text = everything.get(f"{BASH}/diff.md?from=17.1").text
    assert text.startswith("# Shell History (T1552.003): 17.1 → 18.1")
    assert "* added: Windows" in text


def test_a_history_has_a_row_for_each_event(everything: Server) -> None:
    document = page(everything, f"{BASH}/history")
    rows = [["".join(cell.itertext()).strip() for cell in row.iter("td")] for row in document.root.iter("tr")]
    events = everything.get(f"{BASH}/history.json").json()["history"]
    assert [row[:2] for row in rows if row] == [[event["version"], event["event"]] for event in events]
    assert ["18.1", "renamed", "from Bash History to Shell History", "diff"] in rows


def timeline_of(everything: Server, path: str) -> dict[str, str | None]:
    """Release → what the timeline of an object's page says about it."""
    [timeline] = [
        it
        for it in Document(read(everything, path).text).root.iter("nav")
        if it.attrib.get("aria-label") == "Installed releases"
    ]
    notes = {}
    for mark in timeline.iter("li"):
        [note] = [it for it in mark.iter("span") if it.attrib["class"] == "what"]
        release = next(it.text for it in mark if it.tag == "a" or it.attrib["class"] in ("here", "none"))
        notes[str(release)] = note.text
    return notes


def test_a_timeline_says_where_another_object_had_the_id(everything: Server) -> None:
    ids = {
        label: {
            stix["id"]
            for stix in published("tlp", label)
            if stix.get("name") == "TLP:RED" or stix.get("definition") == {"tlp": "red"}
        }
        for label in ("1", "2")
    }
    assert ids["1"]
    assert ids["2"]
    assert not ids["1"] & ids["2"]
    assert timeline_of(everything, "/tlp/2/red") == {"1": "another STIX id", "2": "added"}
    assert timeline_of(everything, "/tlp/1/red") == {"1": "first installed", "2": "another STIX id"}


def test_a_timeline_says_what_each_release_did(everything: Server) -> None:
    notes = timeline_of(everything, BASH)
    assert [*notes] == installed_labels("sqlite", "attack-enterprise")
    assert notes["16.0"] == "first installed"
    assert "renamed" in str(notes["18.1"])
    for before, after in (("16.0", "17.0"), ("17.0", "17.1")):
        is_same = technique(before, "T1552.003") == technique(after, "T1552.003")
        assert (notes[after] == "unchanged") == is_same


def test_a_release_without_the_object_is_told(everything: Server) -> None:
    answer = read(everything, "/attack-enterprise/18.1/T1059.013/diff?from=17.1")
    assert answer.status_code == 404
    assert "T1059.013" in answer.text
    assert "18.1" in answer.text


def test_a_release_that_is_not_installed_is_told(everything: Server) -> None:
    answer = read(everything, f"{BASH}/diff?from=3.0")
    assert answer.status_code == 404
    assert "3.0" in answer.text


@pytest.mark.parametrize("view", ["inline", "raw"])
def test_the_collection_of_a_release_can_be_compared(everything: Server, view: str) -> None:
    [collection] = [stix for stix in published("attack-enterprise", "18.1") if stix["type"] == "x-mitre-collection"]
    document = page(everything, f"/attack-enterprise/18.1/{collection['id']}/diff?from=17.1&view={view}")
    assert ("too long to compare" in document.words) == (view == "raw")
    if view == "inline":
        chips = list(property_row(document, "x_mitre_contents").iter("li"))
        assert len(chips) <= 303
        assert any(re.search(r"[\d,]+ more", "".join(it.itertext())) for it in chips)
