"""The state of sources: their address, their newest release, and signs that a publisher has left a place."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.sources.inspection import inspect_newest
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.states import SourceState
from tests.configured import settings_with
from tests.publishers import atlas_files, publishers
from tests.publishers.publishers import API, ATTACK, CAPEC, RAW, serve
from tests.publishers.server import LocalServer, status
from tests.shared import shared_path

ICS = HOSTED.named("attack-ics")
CAPEC_KB = HOSTED.named("capec")
TODAY = date(2025, 12, 1)
ATTACK_REPOSITORY = f"{API}/repos/mitre-attack/attack-stix-data"
README = f"{RAW}/mitre-attack/attack-stix-data/HEAD/README.md"
MANIFEST = f"{RAW}/mitre-atlas/atlas-data/main/dist/manifest.yaml"


def repository(name: str, **further: object) -> dict[str, object]:
    """GitHub's description of a repository."""
    return {"full_name": name, "archived": False, "description": "STIX data", **further}


def attack(server: LocalServer, description: object = None, **files: object) -> None:
    """Serve ATT&CK for ICS 18.1 of 2025-11-13 in a repository with this description."""
    own = repository("mitre-attack/attack-stix-data") if description is None else description
    serve(
        server, {f"{ATTACK}/index.json": publishers.index(ics_attack=["18.1", "17.1"]), ATTACK_REPOSITORY: own, **files}
    )


def states(server: LocalServer, tmp_path: Path, *slugs: str, today: date = TODAY) -> list[SourceState]:
    sources = Sources(publishers.settings(server, data_dir=tmp_path))
    return sources.states([HOSTED.named(slug) for slug in slugs], today)


def problems(server: LocalServer, tmp_path: Path, *slugs: str, today: date = TODAY) -> list[str]:
    return [sentence for state in states(server, tmp_path, *slugs, today=today) for sentence in state.problems]


def test_a_working_place_gives_its_newest_release_and_date(server: LocalServer, tmp_path: Path) -> None:
    attack(server)
    assert states(server, tmp_path, "attack-ics") == [
        SourceState(
            "attack-ics", "publisher", "https://github.com/mitre-attack/attack-stix-data", "18.1", date(2025, 11, 13)
        )
    ]


def test_a_repository_with_another_name_has_moved(server: LocalServer, tmp_path: Path) -> None:
    attack(server, repository("mitre/attack-data"))
    assert problems(server, tmp_path, "attack-ics") == [
        "github.com/mitre-attack/attack-stix-data has moved to github.com/mitre/attack-data"
    ]


def test_a_change_of_case_in_a_name_is_not_a_move(server: LocalServer, tmp_path: Path) -> None:
    attack(server, repository("Mitre-Attack/ATTACK-STIX-DATA"))
    assert problems(server, tmp_path, "attack-ics") == []


def test_an_archived_repository_is_reported(server: LocalServer, tmp_path: Path) -> None:
    attack(server, repository("mitre-attack/attack-stix-data", archived=True))
    assert problems(server, tmp_path, "attack-ics") == ["github.com/mitre-attack/attack-stix-data is archived"]


@pytest.mark.parametrize("text", ["DEPRECATED: use attack-data", "This has moved to GitLab", "No longer maintained"])
def test_a_description_that_announces_a_move_is_reported(server: LocalServer, tmp_path: Path, text: str) -> None:
    attack(server, repository("mitre-attack/attack-stix-data", description=text))
    [said] = problems(server, tmp_path, "attack-ics")
    assert text in said


def test_the_readme_of_a_deprecated_repository_is_read(server: LocalServer, tmp_path: Path) -> None:
    attack(server, **{README: b"# Data\n\n> **This repository has been\n> archived**. Use another.\n"})
    assert problems(server, tmp_path, "attack-ics") == [
        "the README of github.com/mitre-attack/attack-stix-data says “This repository has been archived”"
    ]


def test_a_readme_may_mention_deprecated_objects(server: LocalServer, tmp_path: Path) -> None:
    attack(server, **{README: b"The project marks objects that are deprecated or revoked. Some were moved to Mobile."})
    assert problems(server, tmp_path, "attack-ics") == []


def test_a_missing_repository_is_reported_once_for_all_knowledge_bases_there(
    server: LocalServer, tmp_path: Path
) -> None:
    attack(server)
    server.answers[ATTACK_REPOSITORY] = status(404)
    found = states(server, tmp_path, "attack-ics", "attack-mobile")
    assert [state.problems[-1] for state in found] == ["github.com/mitre-attack/attack-stix-data is gone"] * 2
    assert server.requested.count(ATTACK_REPOSITORY) == 1


@pytest.mark.parametrize("answer", [status(403), status(429), status(500)])
def test_a_refusal_by_github_is_not_a_problem_of_the_repository(
    server: LocalServer, tmp_path: Path, answer: Any
) -> None:
    attack(server)
    server.answers[ATTACK_REPOSITORY] = answer
    assert problems(server, tmp_path, "attack-ics") == []


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 8, 14), []),  # 274 days: one and a half times 183
        (
            date(2026, 8, 15),
            ["no release since 2025-11-13, 275 days ago; expected every 183 days"],
        ),
    ],
)
def test_a_release_long_after_its_expected_date_is_overdue(
    server: LocalServer, tmp_path: Path, today: date, expected: list[str]
) -> None:
    attack(server)
    assert problems(server, tmp_path, "attack-ics", today=today) == expected


def test_a_place_without_dates_is_never_overdue(server: LocalServer, tmp_path: Path) -> None:
    listing = publishers.index(ics_attack=["18.1"])
    del listing["collections"][0]["versions"][0]["modified"]
    attack(server, **{f"{ATTACK}/index.json": listing})
    assert problems(server, tmp_path, "attack-ics", today=date(2099, 1, 1)) == []


def test_the_frozen_place_of_atlas_is_neither_overdue_nor_reported_as_archived(
    server: LocalServer, tmp_path: Path
) -> None:
    serve(
        server,
        {
            MANIFEST: atlas_files.manifest("2026.09"),
            f"{API}/repos/mitre-atlas/atlas-data": repository("mitre-atlas/atlas-data"),
            f"{API}/repos/mitre-atlas/atlas-navigator-data": repository(
                "mitre-atlas/atlas-navigator-data", archived=True
            ),
            f"{API}/repos/mitre-atlas/atlas-navigator-data/tags": [{"name": "5.6.0"}],
        },
    )
    new, old = states(server, tmp_path, "atlas", today=date(2026, 10, 10))
    assert (new.newest, new.is_frozen, new.problems) == ("2026.09", False, ())
    assert (old.newest, old.is_frozen, old.problems) == ("5.6.0", True, ())
    late, old = states(server, tmp_path, "atlas", today=date(2027, 1, 31))
    assert "expected every 31 days" in late.problems[0]
    assert old.problems == ()


def test_a_host_that_does_not_answer_is_a_problem_and_the_others_are_checked(
    server: LocalServer, tmp_path: Path
) -> None:
    attack(server)
    server.answers["/cwe.mitre.org/data/xml/cwec_latest.xml.zip"] = status(503)
    ics, cwe = states(server, tmp_path, "attack-ics", "cwe")
    assert ics.answers
    assert (cwe.answers, cwe.newest) == (False, None)
    assert "cwe.mitre.org" in cwe.problems[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<html>moved</html>", "is not"),
        ({"collections": []}, "no version has a file of the form ics-attack/ics-attack-….json"),
    ],
)
def test_a_list_in_another_format_is_a_problem(
    server: LocalServer, tmp_path: Path, content: object, expected: str
) -> None:
    attack(server, **{f"{ATTACK}/index.json": content})
    [said] = problems(server, tmp_path, "attack-ics")
    assert expected in said


def test_every_source_has_a_state_and_they_are_in_order_of_preference(server: LocalServer, tmp_path: Path) -> None:
    attack(server)
    bucket = tmp_path / "bucket" / ICS.bucket.folder
    bucket.mkdir(parents=True)
    (bucket / "version.txt").write_text("17.1\n")
    settings = publishers.settings(
        server, data_dir=tmp_path, bucket=str(tmp_path / "bucket"), sources="bucket,publisher,builtin"
    )
    found = Sources(settings).states([ICS, HOSTED.named("tlp")], TODAY)
    assert [(state.knowledge_base, state.source, state.newest) for state in found] == [
        ("attack-ics", "bucket", "17.1"),
        ("attack-ics", "publisher", "18.1"),
        ("tlp", "built-in", "2"),
    ]


def test_the_main_types_of_every_knowledge_base_are_listed() -> None:
    for kb in ALL:
        assert set(kb.main_types) <= set(kb.listed_types), kb.slug


class TestNewestRelease:
    def test_a_file_without_objects_of_the_main_type_is_reported(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {CAPEC: publishers.bundle(course_of_action(x_capec_version="3.9"))})
        settings = publishers.settings(server, data_dir=tmp_path)
        assert inspect_newest(Sources(settings), CAPEC_KB, settings) == [
            "stix-capec.json has no object of type attack-pattern"
        ]

    def test_objects_without_external_ids_are_reported(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {CAPEC: publishers.bundle({**course_of_action(x_capec_version="3.9"), **PATTERN})})
        settings = publishers.settings(server, data_dir=tmp_path)
        assert inspect_newest(Sources(settings), CAPEC_KB, settings) == [
            "stix-capec.json has no object of type attack-pattern with an id such as CAPEC-112"
        ]

    def test_a_file_that_cannot_be_fetched_is_reported_with_the_reason(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        attack(server)
        settings = publishers.settings(server, data_dir=tmp_path)
        [said] = inspect_newest(Sources(settings), ICS, settings)
        assert "ics-attack-18.1.json" in said

    @pytest.mark.real
    @pytest.mark.parametrize("kb", ALL, ids=lambda kb: kb.slug)
    def test_the_real_releases_have_no_problem(self, tmp_path: Path, kb: KnowledgeBase) -> None:
        settings = settings_with(bucket=shared_path("kb"), sources="bucket", data_dir=tmp_path)
        assert inspect_newest(Sources(settings), kb, settings) == []


PATTERN = {"type": "attack-pattern", "id": "attack-pattern--5c1dcb2c-1e7f-4a4b-9d4e-0f3a1f6f2a12"}


def course_of_action(**further: str) -> dict[str, str]:
    """A valid object of CAPEC."""
    return {
        "type": "course-of-action",
        "spec_version": "2.1",
        "id": "course-of-action--5c1dcb2c-1e7f-4a4b-9d4e-0f3a1f6f2a11",
        "created": "2020-01-01T00:00:00Z",
        "modified": "2020-01-01T00:00:00Z",
        "name": "Ask first",
        **further,
    }
