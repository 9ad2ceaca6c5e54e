"""A made-up knowledge base has every page from its declaration alone, and so has a server with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import ALL, HOSTED, KnowledgeBases
from tests.answers.test_matrix import BIRDS, Stix, flock
from tests.catalogue import install, made_content
from tests.pages.conftest import answered, read
from tests.pages.documents import Document, check
from tests.server.serving import Server, running

THIRTEEN = KnowledgeBases((*ALL, BIRDS))


def later() -> list[Stix]:
    """The second release: the wren has a new name and says what it eats, the silent bird is gone, and a robin is new."""
    objects = [{**stix} for stix in flock() if stix["name"] != "Silent" and stix.get("source_ref", "")[-1:] != "5"]
    wren = next(stix for stix in objects if stix["name"] == "Wren")
    wren.update(name="Winter wren", food="spiders", modified="2021-01-01T00:00:00.000Z")
    old = next(stix for stix in objects if stix["name"] == "Owl")
    robin: dict[str, Any] = {**old, "id": "x-bird--00000009-0000-4000-8000-000000000000", "name": "Robin"}
    robin["external_references"] = [{"source_name": "birds", "external_id": "B9"}]
    return [*objects, robin]


@pytest.fixture(scope="module")
def thirteen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose only releases are two of a made-up knowledge base."""
    database = open_catalogue(f"sqlite:///{tmp_path_factory.mktemp('birds') / 'birds.sqlite'}", THIRTEEN)
    install(database, "birds@1", made_content(flock()), kb=BIRDS)
    install(database, "birds@2", made_content(later()), kb=BIRDS)
    with running(database, knowledge_bases=THIRTEEN) as server:
        yield server
    database.close()


def test_every_page_of_it_is_there(thirteen: Server) -> None:
    objects = [stix["external_references"][0]["external_id"] for stix in later() if stix["type"] != "relationship"]
    pages = ["", "objects", "matrix", "matrix?a=F7&b=B2", "matrix?since=1", "compare?a=F7&b=B2", "changes?since=1"]
    pages += [f"{number}{part}" for number in objects for part in ("", "/relations", "/graph", "/history", "/stix")]
    pages += ["B1/diff?from=1", "B9/diff?from=1"]
    for path in pages:
        address = f"/birds/2/{path}"
        answer = read(thirteen, address)
        assert answer.status_code == (404 if path == "B9/diff?from=1" else 200), address
        check(Document(answer.text), Document(answer.text).canonical, "birds", "2")
        assert Document(answer.text).canonical.startswith(address.partition("?")[0]), address


def test_they_say_what_the_objects_say(thirteen: Server) -> None:
    wren = Document(answered(thirteen, "/birds/2/B1").text)
    assert "Winter wren" in wren.words
    assert "spiders" in wren.words
    assert {"/birds/2/S1", "/birds/2/S2"} <= {link.href for link in wren.links}
    for part in ("", "/relations"):
        assert "/birds/2/B1" in {link.href for link in Document(answered(thirteen, f"/birds/2/B2{part}").text).links}
    changes = Document(answered(thirteen, "/birds/2/changes?since=1").text).words
    for name in ("Winter wren", "Silent", "Robin"):
        assert name in changes
    matrix = Document(answered(thirteen, "/birds/2/matrix?a=F7&b=B2").text).words
    assert matrix.index("Winter") < matrix.index("Spring") < matrix.index("Lost")
    assert "Robin" in matrix


def test_the_home_page_the_palette_and_the_desk_know_it(thirteen: Server) -> None:
    assert "Birds of the data centre" in answered(thirteen, "/").text
    assert '"Winter wren"' in thirteen.get("/palette.json?text=wren").text
    assert "Winter wren" in answered(thirteen, "/desk?kb=birds&from=1&to=2&ids=B1").text


def test_a_server_with_nothing_says_how_to_get_something(tmp_path_factory: pytest.TempPathFactory) -> None:
    database = open_catalogue(f"sqlite:///{tmp_path_factory.mktemp('empty') / 'empty.sqlite'}", HOSTED)
    with running(database) as server:
        for path in ("/", "/search", "/search?text=cozy", "/desk", "/data", "/help", "/help/api"):
            check(Document(answered(server, path).text), path)
        assert "ctibutler install" in answered(server, "/").text
        for kb in ALL:
            page = answered(server, f"/{kb.slug}/", 404)
            assert "is installed" in page.text
            assert f"ctibutler install {kb.slug}" in page.text
    database.close()
