"""The page that compares two releases: what it says equals what plain Python finds in the bundles."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.catalogue import published
from tests.pages.conftest import read
from tests.pages.documents import Document, check
from tests.server.serving import Server

pytestmark = pytest.mark.real
DISARM = "/disarm/1.6/changes"


def page(server: Server, address: str) -> Document:
    """A page that is found, and valid."""
    answer = read(server, address)
    assert answer.status_code == 200, answer.text
    document = Document(answer.text)
    path = address.partition("?")[0]
    check(document, path, *path.split("/")[1:3])
    return document


def text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def tiles(document: Document) -> dict[str, int]:
    """Outcome → number of objects."""
    found = [text(it).partition(" ") for it in document.root.iter("li") if it.attrib.get("class") == "tile"]
    return {word: int(number.replace(",", "")) for number, _, word in found}


def objects(label: str) -> dict[str, dict[str, object]]:
    return {stix["id"]: stix for stix in published("disarm", label) if stix["type"] != "relationship"}


def test_tiles_count_what_came_and_went(everything: Server) -> None:
    before, after = objects("1.5"), objects("1.6")
    counted = tiles(page(everything, f"{DISARM}?since=1.5"))
    assert counted["gone"] == len(before.keys() - after.keys()) > 0
    assert counted["added"] == len(after.keys() - before.keys()) > 0
    assert sum(counted.values()) == len(before.keys() | after.keys())
    assert tiles(page(everything, DISARM)) == counted


def test_every_number_leads_to_its_rows(everything: Server) -> None:
    document = page(everything, DISARM)
    for address in [link.href for link in document.links if "outcome=" in link.href][:12]:
        found = page(everything, address)
        told = re.search(r"([\d,]+) of all objects", text(found.root))
        assert told is not None
        asked = everything.get(address.replace("/changes?", "/changes.json?")).json()
        assert int(told[1].replace(",", "")) == asked["total_results_count"] > 0


def test_rows_name_both_objects_and_why(everything: Server) -> None:
    document = page(everything, "/attack-enterprise/18.1/changes?since=17.1&outcome=renamed")
    rows = {text(row)[:80]: row for row in document.root.iter("tr")}
    [bash] = [row for said, row in rows.items() if "T1552.003" in said]
    assert "Bash History" in text(bash)
    assert "Shell History" in text(bash)
    addresses = [link.attrib["href"] for link in bash.iter("a")]
    assert addresses == [
        "/attack-enterprise/18.1/T1552.003",
        "/attack-enterprise/18.1/T1552.003/diff?from=17.1",
    ]
    assert all(read(everything, address).status_code == 200 for address in addresses)


def test_what_changed_for_all_is_told_once(everything: Server) -> None:
    document = page(everything, "/attack-enterprise/18.1/changes?since=17.1")
    assert text(document.root).count("x_mitre_detection") == 1
    assert "Technique: x_mitre_detection lost by 583 of 583" in text(document.root)
    assert tiles(document)["renamed"] == 2


def test_links_of_every_page_lead_somewhere(everything: Server) -> None:
    for address in (
        "/mitre-f3/1.1/changes",
        "/capec/3.9/changes?since=3.5&outcome=renamed,gone",
        "/attack-ics/17.0/changes",
    ):
        for link in page(everything, address).links:
            if not link.is_external and not link.href.startswith("#"):
                # The link to the API leads on to the route that the page is answered by.
                leads_on = link.href.startswith("/help/api/request")
                found = everything.client.get(link.href, headers={"accept": "text/html"}, follow_redirects=leads_on)
                assert found.status_code == 200, (address, link.href)


def test_without_a_release_before_there_is_nothing_to_compare(everything: Server) -> None:
    document = page(everything, "/cwe/4.14/changes")
    assert "No release before 4.14 is installed" in text(document.root)
    assert tiles(document) == {}


def test_other_forms_hold_the_same_rows(everything: Server) -> None:
    asked = "since=1.5&outcome=gone,renamed"
    api = f"/api/v1/disarm/versions/1.6/changes/?view=outcome&{asked}&hide=stale&sort=change_ascending"
    assert everything.get(f"{DISARM}.json?{asked}").content == everything.get(f"{api}&page_size=100").content
    for extension, form in ((".csv", "csv"), (".md", "md"), (".atom", "atom")):
        answer = everything.get(f"{DISARM}{extension}?{asked}")
        assert answer.status_code == 200
        assert answer.content == everything.get(f"{api}&format={form}").content
    assert everything.get("/attack-enterprise/18.1/changes.layer.json").json()["versions"]["attack"] == "18.1"
    assert everything.get(f"{DISARM}.layer.json").status_code == 404


def test_bad_input_is_told_on_a_page(everything: Server) -> None:
    missing = read(everything, f"{DISARM}?since=9.9")
    assert (missing.status_code, missing.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert "9.9" in missing.text
    assert read(everything, f"{DISARM}?dead=perhaps").status_code == 400
    assert "0 of all objects" in text(page(everything, f"{DISARM}?outcome=nothing").root)
    assert read(everything, f"{DISARM}?outcome=gone&page=99").status_code == 200
    moved = everything.client.get(
        "/disarm/latest/changes?since=1.5", headers={"accept": "text/html"}, follow_redirects=False
    )
    assert (moved.status_code, moved.headers["location"]) == (302, f"{DISARM}?since=1.5")


def test_the_desk_is_a_click_away_with_both_releases_filled_in(everything: Server) -> None:
    document = page(everything, "/attack-ics/18.1/changes?since=17.1")
    [desk] = [it.attrib["href"] for it in document.root.iter("a") if text(it) == "Bring my ids"]
    assert desk == "/desk?kb=attack-ics&from=17.1&to=18.1"
    form = Document(read(everything, desk).text).root
    filled = {it.attrib["name"]: it.attrib.get("value") for it in form.iter("input") if "name" in it.attrib}
    assert (filled["from"], filled["to"]) == ("17.1", "18.1")
    chosen = [it.attrib["value"] for it in form.iter("option") if "selected" in it.attrib]
    assert chosen == ["attack-ics"]


def edited_words(row: ElementTree.Element) -> tuple[int, int] | None:
    """How many words a row says were added and removed."""
    told = re.search(r"\+([\d,]+) −([\d,]+) words", text(row))
    return None if told is None else (int(told[1].replace(",", "")), int(told[2].replace(",", "")))


def test_edited_rows_say_how_many_words_the_page_of_differences_marks(everything: Server) -> None:
    document = page(everything, "/attack-enterprise/18.1/changes?since=17.1&outcome=edited")
    equal = compared = 0
    for row in [row for row in document.root.iter("tr") if edited_words(row) is not None][:40]:
        [differences] = [it.attrib["href"] for it in row.iter("a") if "/diff" in it.attrib["href"]]
        shown = Document(read(everything, differences).text).root
        marked = [
            sum(len(re.findall(r"[^\W_]+", it.text or "")) for prose in texts_in(shown) for it in prose.iter(sign))
            for sign in ("ins", "del")
        ]
        told = edited_words(row)
        assert told is not None
        # Blanks are compared there, and not here.
        assert all(abs(one - other) <= 2 for one, other in zip(told, marked, strict=True)), differences
        compared += 1
        equal += told == tuple(marked)
    assert compared > 20
    assert equal >= 0.9 * compared


def texts_in(document: ElementTree.Element) -> list[ElementTree.Element]:
    """The running texts of a page of differences that are not folded."""
    folded = {id(it) for fold in document.iter("details") for it in fold.iter()}
    return [it for it in document.iter("div") if it.attrib.get("class") == "prose words" and id(it) not in folded]
