"""A catalogue in which every question has answers: the latest releases, linked, with the details of CWE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ctibutler.answers.library import Library
from ctibutler.catalog.adjacency import MOST_BYTES, Adjacencies
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, content_of, install, link
from tests.publishers.test_cwe_details import release_4_14

RELEASES = (
    "tlp@2",
    "sector@1.0",
    "location@1.0",
    "mitre-f3@1.1",
    "disarm@1.6",
    "d3fend@1.2.0",
    "capec@3.9",
    "atlas@5.6.0",
    "attack-ics@17.1",
    "attack-ics@18.1",
    "attack-mobile@18.1",
    "attack-enterprise@17.1",
    "attack-enterprise@18.1",
)


def install_cwe(library: Library) -> None:
    """Import CWE 4.14 with the details that its XML file gives."""
    _, converted, _ = release_4_14()
    assert converted.details is not None
    details = {stix_id: dict(detail) for stix_id, detail in converted.details.items()}
    install(library.database, "cwe@4.14", replace(content_of("cwe", "4.14"), details=json.dumps(details).encode()))


@pytest.fixture(scope="session")
def asked_library(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The latest releases, linked. Read only."""
    with Catalogues(engine, tmp_path_factory.mktemp(f"questions-{engine}")) as made:
        library = Library(made.with_releases(*RELEASES), HOSTED, adjacencies=Adjacencies(MOST_BYTES))
        install_cwe(library)
        link(library.database)
        yield library
