"""What ATLAS declares: case studies, the order of its two kinds of labels, details, layers, inference."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from ctibutler.answers.inference import infer
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest
from ctibutler.answers.navigator import layer
from ctibutler.answers.objects import ObjectQuery, find_object, find_object_with_details
from ctibutler.catalog.releases import latest
from ctibutler.forms.navigator_layer import layer_file
from ctibutler.knowledge_bases import HOSTED, release_labels
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.converters.conversion import Edition
from tests.answers.walking import listed, related
from tests.catalogue import Catalogues, install, made_content
from tests.publishers.atlas_files import Data, entry, release, step, uuid_of, with_relations, written
from tests.server.serving import running

ATLAS = HOSTED.named("atlas")
IN_ORDER = [
    "4.9.1",
    "5.6.0",
    "2026.05",
    "2026.05.1",
    "2026.05.2",
    "2026.06",
    "2026.09",
    "2026.10",
    "2026.10.1",
    "2027.01",
]


def content(data: Data) -> ReleaseFile:
    """The release, ready for import."""
    label = data["collection"]["version"]
    made = CONVERTERS["atlas-yaml"].convert(written(data), Edition(label))
    return made_content(made.objects, details=made.details)


@pytest.fixture
def library(catalogues: Catalogues) -> Library:
    """A catalogue with one made-up release."""
    made = Library(catalogues.empty(), HOSTED)
    install(made.database, "atlas@2026.09", content(release()))
    return made


def test_labels_of_both_kinds_sort_in_one_order() -> None:
    assert sorted(set(IN_ORDER), key=release_labels.sort_key) == IN_ORDER
    assert release_labels.sort_key("v2026_05_1") == release_labels.sort_key("2026.05.1")
    assert not any(map(release_labels.is_preview, IN_ORDER))


def test_releases_are_in_that_order_wherever_they_are_listed(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    for label in ("2026.10", "2026.05", "5.6.0", "2026.05.1"):
        install(database, f"atlas@{label}", content(release(label)))
    newest_first = ["2026.10", "2026.05.1", "2026.05", "5.6.0"]
    with running(database) as server:
        assert server.get("/api/v1/atlas/versions/installed/").json() == {
            "latest": "2026.10",
            "versions": newest_first,
        }
        assert server.get("/api/v1/atlas/versions/available/").json() == newest_first
        [state] = server.get("/api/v1/atlas/objects/AML.CS0059/versions/").json()
        assert state["versions"] == newest_first
        for older, newer in pairwise(reversed(newest_first)):
            compared = server.get(f"/api/v1/atlas/versions/{newer.replace('.', '_')}/changes/").json()
            assert (compared["version"], compared["since"]) == (newer, older)
        assert server.get("/api/v1/atlas/objects/AML.CS0059/?atlas_version=v2026_05_1").status_code == 200
        assert server.get("/api/v1/atlas/objects/AML.CS0059/?atlas_version=2026.5.1").status_code == 200
        assert server.get("/api/v1/atlas/objects/AML.CS0059/?atlas_version=2026.05.2").status_code == 404


def test_an_older_release_installed_later_is_not_the_latest(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    for label in ("2026.05.1", "5.6.0", "2026.05"):
        install(database, f"atlas@{label}", content(release(label)))
        with database.read() as connection:
            [newest] = latest(connection)
        assert newest.label == "2026.05.1"


def test_case_studies_are_listed_and_found_by_external_id(library: Library) -> None:
    [case_study] = listed(library, "atlas", types=["campaign"])
    assert case_study["id"] == f"campaign--{uuid_of('AML.CS0059')}"
    assert find_object(library, ATLAS, ObjectRequest("aml.cs0059")).content
    assert HOSTED.named("atlas").types_named_by("AML.CS0059") == ("campaign",)


def test_a_case_study_has_the_relationships_of_its_steps(library: Library) -> None:
    uses = [one for one in related(library, "atlas", "AML.CS0059") if one["relationship_type"] == "uses"]
    assert sorted(one["description"] for one in uses) == ["They did S00.", "They did S01.", "They did S02."]
    mine = [one for one in related(library, "atlas", "AML.T0065") if one["relationship_type"] == "uses"]
    assert [one["source_ref"] for one in mine] == [f"campaign--{uuid_of('AML.CS0059')}"]


def test_details_are_answered_beside_the_object(library: Library) -> None:
    _, details = find_object_with_details(library, ATLAS, ObjectRequest("AML.CS0059"))
    assert details is not None
    assert [one["step_id"] for one in json.loads(details)["steps"]] == ["S00", "S01", "S02"]


def test_techniques_have_relationships_to_their_tactics(library: Library) -> None:
    tactics = [one for one in related(library, "atlas", "AML.T0065") if one["relationship_type"] == "related-to"]
    assert {one["target_ref"] for one in tactics} == {
        f"x-mitre-tactic--{uuid_of(name)}" for name in ("AML.TA0003", "AML.TA0005")
    }


def test_a_case_study_has_a_navigator_layer(library: Library) -> None:
    made = layer(library, ATLAS, ObjectRequest("AML.CS0059"))
    assert {one.id: one.descriptions for one in made.techniques}.keys() == {"AML.T0051", "AML.T0065"}
    file = layer_file(made, "https://example.org")
    assert (file.domain, file.name) == ("atlas-atlas", "A Zero-Click Leak (AML.CS0059)")
    assert file.description == "Techniques used by A Zero-Click Leak (AML.CS0059) in MITRE ATLAS 2026.09"


def test_techniques_are_inferred_from_case_studies(catalogues: Catalogues) -> None:
    data = release()
    for number in range(25):
        name = f"AML.CS{number:04}"
        data["case-studies"][name] = entry(
            "case-study", name, f"Study {number}", type="Exercise", actor="a", target="b"
        )
        with_relations(
            data,
            step(name, "S00", "AML.T0051", "AML.TA0005", "S01"),
            step(name, "S01", "AML.T0065", "AML.TA0003"),
        )
    library = Library(catalogues.empty(), HOSTED)
    install(library.database, "atlas@2026.09", content(data))
    inferred = infer(library, ATLAS, ["AML.T0051"], ObjectQuery())
    assert next(iter(inferred.scores)) == "AML.T0065"
