"""The page of an object that is revoked or deprecated says when, why, and what to look at instead."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.catalogue import installed_labels, published
from tests.pages.conftest import read
from tests.pages.documents import Document
from tests.server.serving import Server

pytestmark = pytest.mark.real


def technique(label: str, number: str) -> dict[str, Any]:
    """The technique with a number, as it was published."""
    [found] = [
        stix
        for stix in published("attack-enterprise", label)
        if stix["type"] == "attack-pattern" and number in {it.get("external_id") for it in stix["external_references"]}
    ]
    return found


def test_a_revoked_object_says_since_when_and_leads_on(everything: Server) -> None:
    labels = installed_labels("sqlite", "attack-enterprise")
    revoked = [technique(label, "T1574.002").get("revoked", False) for label in labels]
    first = revoked.index(True)
    assert first > 0
    document = Document(read(everything, f"/attack-enterprise/{labels[-1]}/T1574.002").text)
    assert f"Revoked in {labels[first]}, replaced by" in document.words
    targets = [link.href for link in document.links]
    assert f"/attack-enterprise/{labels[-1]}/T1574.001" in targets
    assert f"/attack-enterprise/{labels[-1]}/T1574.002/diff?from={labels[first - 1]}" in targets
    [desk] = [href for href in targets if href.startswith("/desk?")]
    asked = {"kb": "attack-enterprise", "from": labels[first - 1], "to": labels[-1], "ids": "T1574.002"}
    assert parse_qs(urlsplit(desk).query) == {name: [value] for name, value in asked.items()}
    assert "T1574.001" in Document(read(everything, desk).text).words


def test_what_was_revoked_before_every_installed_release_does_not_say_when(everything: Server) -> None:
    labels = installed_labels("sqlite", "attack-enterprise")
    assert technique(labels[0], "T1073")["revoked"]
    words = Document(read(everything, f"/attack-enterprise/{labels[-1]}/T1073").text).words
    assert re.search(rf"Revoked in {labels[0]} or earlier, replaced by T1574.002 .* then by T1574.001 DLL", words)


def test_without_a_successor_other_releases_are_asked(everything: Server) -> None:
    words = Document(read(everything, "/cwe/4.14/CWE-1187").text).words
    assert "No installed release names a successor." in words


def test_a_deprecated_object_shows_its_publishers_notice_and_what_that_names(everything: Server) -> None:
    notice = technique("18.1", "T1108")["description"].split("\n\n")[0]
    named = [path.replace("/", ".") for path in re.findall(r"techniques/(T[\d/]+)\)", notice)]
    assert len(named) == 3
    page = read(everything, "/attack-enterprise/18.1/T1108").text
    banner = page[page.index('<div class="banner is-deprecated">') : page.index('<nav class="anchors"')]
    assert re.findall(r'<span class="id">(.*?)</span>', banner) == named
    assert "This technique has been deprecated. Please use" in Document(page).words
    plain = read(everything, "/attack-enterprise/18.1/T1108.md").text
    assert f"its publisher names {', '.join(named)}" in plain
