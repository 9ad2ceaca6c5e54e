"""A release whose every string is hostile: its pages show text, whatever the property, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final
from xml.etree.ElementTree import Element

import pytest

from ctibutler.catalog.engine.database import Database
from ctibutler.settings import Settings
from tests.catalogue import catalogue_with, install, made_content
from tests.pages.conftest import read
from tests.pages.documents import Document
from tests.pages.hostile import HOSTILE
from tests.server.serving import Server, running

# What every page may hold: that of our own templates.
TAGS: Final = {
    *("html", "head", "meta", "title", "link", "script", "body", "header", "nav", "main", "footer", "aside", "section"),
    *("div", "span", "p", "a", "b", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "table", "caption", "thead", "tbody"),
    *("tr", "th", "td", "form", "label", "input", "select", "option", "button", "kbd", "code", "pre", "details", "summary"),
    *("svg", "rect", "path", "small", "sup", "sub", "br", "em", "strong", "blockquote", "del", "ins", "time", "noscript"),
    *("progress", "textarea", "fieldset", "legend", "mark", "output", "circle", "g", "text"),
}  # fmt: skip
TYPES: Final = {
    "attack-enterprise": (
        *("attack-pattern", "course-of-action", "intrusion-set", "malware", "tool", "campaign", "x-mitre-tactic"),
        *("x-mitre-matrix", "x-mitre-data-source", "x-mitre-data-component", "x-mitre-detection-strategy", "x-mitre-analytic"),
        *("x-mitre-asset", "identity", "marking-definition", "x-mitre-collection", "x-unheard-of"),
    ),
    "cwe": ("weakness", "grouping"),
    "capec": ("attack-pattern", "course-of-action"),
    "d3fend": ("course-of-action", "indicator", "x-mitre-tactic"),
    "disarm": ("attack-pattern", "x-mitre-tactic"),
    "location": ("location",),
    "sector": ("identity",),
}  # fmt: skip
SOURCES: Final = {"attack-enterprise": "mitre-attack", "d3fend": "mitre-d3fend", "disarm": "DISARM"}
STRINGS: Final = (
    *("name", "description", "x_mitre_detection", "x_mitre_version", "x_capec_extended_description", "pattern", "objective"),
    *("x_mitre_shortname", "country", "region", "x_mitre_domain", "definition_type", "x_made_up", "x_capec_status"),
)  # fmt: skip
LISTS: Final = (
    "aliases",
    "x_mitre_aliases",
    "x_mitre_platforms",
    "x_mitre_contributors",
    "labels",
    "sectors",
    "x_made_up_list",
)


def objects_of(slug: str) -> list[dict[str, Any]]:
    """An object of each type, with another hostile text in each property, and relationships between all of them."""
    texts = cycle(HOSTILE)
    source = SOURCES.get(slug, slug)
    made: list[dict[str, Any]] = []
    for number, stix_type in enumerate(TYPES[slug]):
        stix_id = f"{stix_type}--00000000-0000-4000-8000-{number:012}"
        made.append(
            {
                "type": stix_type, "spec_version": "2.1", "id": stix_id, "created": "2020-01-01T00:00:00.000Z",
                "modified": "2020-01-01T00:00:00.000Z", **{name: next(texts) for name in STRINGS},
                "description": "\n\n".join(HOSTILE), **{name: [next(texts), next(texts)] for name in LISTS},
                "x_control": "".join(map(chr, (1, 8, 11, 27, 127, 133, 0xFDD0, 0xFFFE, 0xFFFF, 0x1FFFF))),
                "x_made_up_object": {next(texts): next(texts), "deep": [{"deeper": next(texts)}]},
                "kill_chain_phases": [{"kill_chain_name": next(texts), "phase_name": next(texts)}],
                "external_references": [
                    {"source_name": source, "external_id": f"T{number:04}", "url": f"javascript:alert({number})"},
                    {"source_name": next(texts), "description": next(texts), "url": next(texts)},
                    {"source_name": "<img src=x onerror=alert(1)>", "url": "https://a.example/'\"><x>"},
                ],
            }
        )  # fmt: skip
    for number, (one, other) in enumerate(list(zip(made, made[1:] + made[:1], strict=True))):
        for offset, word in enumerate(("uses", "mitigates", f"<i>{number}</i>")):
            made.append(
                {
                    "type": "relationship", "spec_version": "2.1", "relationship_type": word,
                    "id": f"relationship--00000000-0000-4000-8000-{number:06}{offset:06}",
                    "created": "2020-01-01T00:00:00.000Z", "modified": "2020-01-01T00:00:00.000Z",
                    "source_ref": one["id"], "target_ref": other["id"],
                    "description": "".join(HOSTILE),
                }
            )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose releases were written by somebody who means harm."""
    with catalogue_with("sqlite", tmp_path_factory.mktemp("hostile")) as database:
        fill(database)
        with running(database, Settings(host="127.0.0.1")) as server:
            yield server


def fill(database: Database) -> None:
    """Install a hostile release of each knowledge base."""
    for slug in TYPES:
        install(database, f"{slug}@1.0", made_content(objects_of(slug)))


def assert_harmless(root: Element, address: str) -> None:
    """Our own elements, no handler, no style, no odd address."""
    for element in root.iter():
        assert element.tag.rpartition("}")[2] in TAGS, (address, element.tag)
        for name, value in element.attrib.items():
            assert not name.startswith("on"), (address, name)
            assert name not in ("style", "srcdoc", "formaction", "background"), (address, name)
            if name in ("href", "src", "action"):
                allowed = r"https?://[^/\s]|/(?!/)|#" if element.tag == "a" else r"/(?!/)"
                assert re.match(allowed, value), (address, value)
    scripts = list(root.iter("script"))
    assert all(set(it.attrib) >= {"src"} and not (it.text or "").strip() for it in scripts)
    assert all(it.attrib["src"].startswith("/static/") for it in scripts)


@pytest.mark.parametrize("slug", TYPES)
def test_every_page_of_a_hostile_release_is_harmless(hostile: Server, slug: str) -> None:
    for stix in objects_of(slug):
        if stix["type"] == "relationship":
            continue
        for part in ("", "/relations", "/stix"):
            answer = hostile.client.get(
                f"/{slug}/1.0/{stix['id']}{part}", headers={"accept": "text/html"}, follow_redirects=True
            )
            assert answer.status_code == 200, answer.text
            document = Document(answer.text)
            assert_harmless(document.root, answer.url.path)
            assert len(document.ids) == len(set(document.ids))
        # What was meant as markup is there to be read.
        assert "<script>alert(1)</script>" in document.words
    for path in ("/", f"/{slug}/1.0/", f"/{slug}/1.0/objects", f"/search?text=alert&knowledge_bases={slug}"):
        answer = read(hostile, path)
        assert answer.status_code == 200
        assert_harmless(Document(answer.text).root, path)


def test_hostile_addresses_are_text_too(hostile: Server) -> None:
    for text in HOSTILE:
        for path in (
            "/{}",
            "/cwe/{}",
            "/cwe/1.0/{}",
            "/cwe/1.0/T0000/{}",
            "/search?text={}",
            "/cwe/1.0/objects?name={}",
        ):
            answer = hostile.client.get(path.format(_quoted(text)), headers={"accept": "text/html"})
            if answer.status_code in (301, 302):
                assert answer.headers["location"].startswith("/cwe/1.0/"), (path, text)
                continue
            assert answer.status_code in (200, 400, 404), (path, text)
            assert_harmless(Document(answer.text).root, path)


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_all_contents_of_one_id_are_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    [first, *_] = objects_of("cwe")
    other = {**first, "name": "Another content", "modified": "2021-01-01T00:00:00.000Z"}
    with catalogue_with("sqlite", tmp_path_factory.mktemp("twice")) as database:
        install(database, "cwe@1.0", made_content([first, other]))
        with running(database) as server:
            answer = read(server, f"/cwe/1.0/{first['id']}")
            answer = read(server, answer.headers.get("location", f"/cwe/1.0/{first['id']}"))
            assert "Content 2 of 2 under this STIX id" in answer.text
            assert "Another content" in answer.text
