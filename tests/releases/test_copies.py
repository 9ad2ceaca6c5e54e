"""A restored or copied catalogue gives the same answers, byte for byte, on either engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctibutler.catalog import backups
from ctibutler.catalog.copying import copy
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues
from tests.server.serving import Server, running

pytestmark = pytest.mark.real

RELEASES = ("attack-ics@17.1", "attack-ics@18.1", "capec@3.9", "cwe@4.14", "tlp@2")
PATHS = [
    "knowledge-bases/",
    "search/?text=the&page_size=200&page=2",
    "search/?text=control",
    "search/?text=injection",
    "objects/sros/?page_size=200",
    "objects/sdos/?page_size=200&page=2",
    "search/?text=T0800",
    *(
        f"{kb}/{path}"
        for kb in ("attack-ics", "capec", "cwe", "tlp")
        for path in ("versions/installed/", "objects/?page_size=200", "objects/?page_size=200&page=2")
    ),
    *(
        f"attack-ics/{path}"
        for path in (
            "versions/18.1/bundle/",
            "versions/17.1/bundle/?include_derived=true",
            "versions/18.1/changes/?from=17.1",
            "objects/T0800/",
            "objects/T0800/versions/",
            "objects/T0800/relationships/?page_size=200",
            "objects/G0034/bundle/",
            "objects/G0034/navigator/",
            "tie/?technique_ids=T0800,T0814",
        )
    ),
    *(f"cwe/objects/CWE-79/{path}" for path in ("", "relationships/?page_size=200", "bundle/")),
    *(f"capec/objects/CAPEC-66/{path}" for path in ("", "relationships/?page_size=200", "bundle/")),
]


def answers(server: Server) -> dict[str, tuple[int, bytes]]:
    found = {path: server.get(f"/api/v1/{path}") for path in PATHS}
    return {path: (answer.status_code, answer.content) for path, answer in found.items()}


def test_answers_of_a_copy_are_equal_byte_for_byte(catalogues: Catalogues, tmp_path: Path) -> None:
    database = catalogues.with_releases(*RELEASES, links=("cwe-capec",))
    with running(database) as server:
        expected = answers(server)
    assert {path: status for path, (status, _) in expected.items() if status != 200} == {}
    for engine in ("sqlite", "postgresql"):
        with Catalogues(engine, tmp_path) as made:
            copied, restored = made.empty(), made.empty()
            copy(database, copied)
            backups.back_up(database, tmp_path / f"{engine}.backup")
            backups.restore(tmp_path / f"{engine}.backup", restored, HOSTED)
            for other in (copied, restored):
                with running(other) as server:
                    found = answers(server)
                assert [path for path in PATHS if found[path] != expected[path]] == []
