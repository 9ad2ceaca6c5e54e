"""ATLAS at its publisher's place since 2026.05: real paths, redirects and formats, and each of them broken."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ctibutler.errors import MalformedFile, Problem, SourceUnavailable
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.places import atlas_data
from ctibutler.publishers.places.atlas_data import KNOWN_DIGESTS
from ctibutler.publishers.sources.offers import Sources
from tests.publishers import atlas_files, publishers
from tests.publishers.atlas_files import Data, asset, entry, manifest, release, uuid_of, written
from tests.publishers.publishers import API, RAW, serve
from tests.publishers.server import LocalServer, body, status

ATLAS = HOSTED.named("atlas")
DIST = f"{RAW}/mitre-atlas/atlas-data/main/dist"
MANIFEST = f"{DIST}/manifest.yaml"
YAML = f"{DIST}/v6/ATLAS-2026.09.yaml"
ASSET = "/github.com/mitre-atlas/atlas-data/releases/download/v2026.09/stix-atlas.json"
BLOB = "/release-assets.githubusercontent.com/github-production-release-asset/1/2"
OLDER = f"{RAW}/mitre-atlas/atlas-navigator-data"
TAGS = f"{API}/repos/mitre-atlas/atlas-navigator-data/tags"


@pytest.fixture
def sources(server: LocalServer, tmp_path: Path) -> Sources:
    """The publisher's two places in order: 2026.09 and 2026.08 at one, 5.6.0 at the other."""
    serve(
        server,
        {
            MANIFEST: manifest("2026.09", "2026.08"),
            YAML: written(release()),
            BLOB: asset(release()),
            TAGS: [{"name": "v5.6.0"}],
            f"{OLDER}/v5.6.0/dist/stix-atlas.json": publishers.bundle({"type": "x-mitre-tactic"}),
        },
    )
    server.answers[ASSET] = status(302, location=f"https:/{BLOB}?sp=r&sig=secret")
    return Sources(publishers.settings(server, data_dir=tmp_path))


def labels(sources: Sources) -> list[str]:
    return [offer.label for offer in sources.offers([ATLAS]).offers]


def problems(sources: Sources) -> list[str]:
    return [problem.sentence for problem in sources.offers([ATLAS]).problems]


def details(file: ReleaseFile) -> dict[str, Any]:
    assert file.details is not None
    return dict(json.loads(file.details))


class TestIntact:
    def test_both_places_are_listed_newest_first(self, sources: Sources) -> None:
        assert labels(sources) == ["2026.09", "2026.08", "5.6.0"]
        assert problems(sources) == []
        assert sources.every_label(ATLAS) == (["2026.09", "2026.08", "5.6.0"], [])

    def test_the_newest_release_is_the_publishers_bundle_with_details_from_the_yaml(self, sources: Sources) -> None:
        file = sources.fetch(ATLAS)
        assert (file.label, file.file_name, file.origin.converter) == ("2026.09", "stix-atlas.json", None)
        assert file.bundle_bytes == asset(release())
        assert file.origin.location == f"https:/{ASSET}"
        assert file.origin.sha256 == sha256(asset(release())).hexdigest()
        known = details(file)
        assert [one["step_id"] for one in known[f"campaign--{uuid_of('AML.CS0059')}"]["steps"]] == [
            "S00",
            "S01",
            "S02",
        ]
        assert known["attack-pattern--6ff098e9-2864-579e-bebb-a0f1c92ec772"]["maturity"] == "Realized"

    def test_the_redirect_may_lead_to_either_of_githubs_hosts(self, server: LocalServer, sources: Sources) -> None:
        other = "/objects.githubusercontent.com/github-production-release-asset-2e65be/1/2"
        serve(server, {other: asset(release())})
        server.answers[ASSET] = status(302, location=f"https:/{other}?X-Amz-Signature=secret")
        assert sources.fetch(ATLAS).origin.converter is None

    def test_the_signature_of_a_redirect_is_sent_and_never_shown(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            file = sources.fetch(ATLAS)
        assert f"{BLOB}?sp=r&sig=secret" in server.requested
        assert "secret" not in file.origin.location + caplog.text

    def test_releases_up_to_5_6_0_come_unchanged_from_the_older_place(self, sources: Sources) -> None:
        file = sources.fetch(ATLAS, "5.6.0")
        assert file.origin.location == f"https:/{OLDER}/v5.6.0/dist/stix-atlas.json"
        assert (file.origin.converter, file.details) == (None, None)

    def test_releases_already_published_under_another_label_are_not_offered_again(self, sources: Sources) -> None:
        assert not {"2026.04", "2021.05"} & set(labels(sources))

    def test_a_release_in_both_places_is_fetched_from_the_newer_one(
        self, server: LocalServer, sources: Sources
    ) -> None:
        serve(server, {TAGS: [{"name": "v5.6.0"}, {"name": "v2026.09"}]})
        assert labels(sources) == ["2026.09", "2026.08", "5.6.0"]
        assert sources.fetch(ATLAS, "2026.09").origin.location == f"https:/{ASSET}"

    def test_a_release_that_is_not_listed_yet_is_found_by_its_label(
        self, server: LocalServer, sources: Sources
    ) -> None:
        serve(
            server,
            {
                ASSET.replace("2026.09", "2026.10.1"): asset(release("2026.10.1")),
                YAML.replace("2026.09", "2026.10.1"): written(release("2026.10.1")),
            },
        )
        assert sources.fetch(ATLAS, "v2026_10_1").label == "2026.10.1"

    def test_the_manifest_may_leave_out_quotes(self, server: LocalServer, sources: Sources) -> None:
        text = manifest("2026.10", "2026.09").decode().replace("'2026.10'", "2026.10").replace("'2026.09'", "2026.09")
        assert "release: 2026.10\n" in text
        serve(server, {MANIFEST: text.encode()})
        assert labels(sources) == ["2026.10", "2026.09", "5.6.0"]

    def test_the_release_date_comes_from_the_manifest(self, sources: Sources) -> None:
        newest, *_ = sources.offers([ATLAS]).offers
        assert str(newest.published) == "2026-09-15"

    def test_a_collection_object_of_the_same_release_is_accepted(self, server: LocalServer, sources: Sources) -> None:
        for version in ("2026.09", "0.1", None):
            collection = {"type": "x-mitre-collection", "id": "x-mitre-collection--1", "x_mitre_version": version}
            serve(server, {BLOB: asset(release(), collection)})
            assert sources.fetch(ATLAS).origin.converter is None

    def test_a_bundle_without_case_studies_is_used_unchanged(self, server: LocalServer, sources: Sources) -> None:
        bundle = asset(release(case_studies={}))
        serve(server, {BLOB: bundle})
        assert sources.fetch(ATLAS).bundle_bytes == bundle

    def test_a_bundle_with_types_that_the_converter_does_not_know_is_taken_as_it_is(
        self, server: LocalServer, sources: Sources
    ) -> None:
        bundle = asset(
            release(), {"type": "x-mitre-detection", "id": "x-mitre-detection--1"}, {"type": "identity", "id": "i"}
        )
        serve(server, {BLOB: bundle})
        assert sources.fetch(ATLAS).bundle_bytes == bundle

    def test_the_digest_of_2026_08_is_declared(self) -> None:
        assert KNOWN_DIGESTS == {"2026.08": "6550ac8a7322e2d43d7c6c10234f0f381e74734ac6c734255fb1fc467bf16d7c"}


class TestConverted:
    """When the bundle is missing or of another release, the YAML is converted instead, and a warning says why."""

    def converted(self, sources: Sources, caplog: pytest.LogCaptureFixture) -> str:
        with caplog.at_level(logging.WARNING):
            file = sources.fetch(ATLAS)
        assert (file.label, file.origin.converter, file.origin.converter_version) == ("2026.09", "atlas-yaml", 1)
        assert file.origin.location == f"https:/{YAML}"
        assert file.origin.sha256 == sha256(written(release())).hexdigest()
        assert b"campaign--" in file.bundle_bytes
        assert f"campaign--{uuid_of('AML.CS0059')}" in details(file)
        [message] = [record.getMessage() for record in caplog.records]
        assert message.startswith("atlas 2026.09: ")
        assert message.endswith(f"; converted from https:/{YAML}")
        return message

    def test_when_there_is_no_bundle(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.answers[ASSET] = status(404)
        assert f"https:/{ASSET} does not exist" in self.converted(sources, caplog)

    def test_when_the_collection_is_of_another_release(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        collection = {"type": "x-mitre-collection", "id": "x-mitre-collection--1", "x_mitre_version": "2026.08"}
        serve(server, {BLOB: asset(release(), collection)})
        assert "expected release 2026.09, found 2026.08" in self.converted(sources, caplog)

    def test_when_the_bundle_has_a_technique_too_many(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = release()
        other["techniques"]["AML.T0052"] = entry("technique", "AML.T0052", "Phishing")
        serve(server, {BLOB: asset(other)})
        message = self.converted(sources, caplog)
        assert "4 of type attack-pattern, expected 3; one that only one of them has is" in message
        assert f"attack-pattern--{uuid_of('AML.T0052')}" in message

    def test_where_the_bundle_is_empty(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve(server, {BLOB: publishers.bundle()})
        assert f"has none of the objects of https:/{YAML}" in self.converted(sources, caplog)

    def test_when_the_bundle_lacks_a_case_study(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = release()
        other["case-studies"] = {"AML.CS0001": entry("case-study", "AML.CS0001", "Another")}
        serve(server, {BLOB: asset(other)})
        assert "1 of type campaign, expected 1" in self.converted(sources, caplog)

    def test_when_the_digest_differs_from_the_declared_one(
        self,
        server: LocalServer,
        sources: Sources,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(atlas_data, "KNOWN_DIGESTS", {"2026.09": sha256(asset(release())).hexdigest()})
        assert sources.fetch(ATLAS).origin.converter is None
        monkeypatch.setattr(atlas_data, "KNOWN_DIGESTS", {"2026.09": "0" * 64})
        fresh = Sources(publishers.settings(server))
        assert f"expected the SHA-256 {'0' * 64}, found " in self.converted(fresh, caplog)

    @pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>", b"[]", b"", b'{"objects": 1}'])
    def test_when_the_bundle_is_another_kind_of_file(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture, content: bytes
    ) -> None:
        serve(server, {BLOB: content})
        assert "stix-atlas.json: expected a STIX 2.1 bundle" in self.converted(sources, caplog)


class TestWithoutDetails:
    """When the YAML is missing or cannot be read, the bundle is installed alone, and a warning says what is missing."""

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (status(404), f"https:/{YAML} does not exist"),
            (
                status(302, location="https://example.org/ATLAS.yaml"),
                "redirects to another server, https://example.org",
            ),
            (body(b"<!DOCTYPE html><html>"), "ATLAS-2026.09.yaml: ATLAS YAML: expected YAML, found a web page"),
            (body(b"ATLAS-2026.09.yaml"), "a symbolic link to ATLAS-2026.09.yaml, sent as text"),
            (body(written(release("2026.08"))), "expected 2026.09, found 2026.08"),
            (body(written({**release(), "format-version": "7.0.0"})), "expected format 6, found `7.0.0`"),
            (body(b"a: !!python/object:os.system x"), "the tag tag:yaml.org,2002:python/object:os.system"),
            (body(b"a: &x [1]\nb: *x"), "line 2: the alias *x: aliases are not allowed"),
            (body(b"[" * 100_000), "line 1: nested more than 20 levels deep"),
            (body(b"# " + b"x" * 17 * 1024 * 1024), "bytes exceed the limit of 16,777,216"),
        ],
        ids=["404", "foreign", "html", "link", "release", "format", "tag", "alias", "deep", "large"],
    )
    def test_the_bundle_is_installed_and_the_missing_details_are_reported(
        self,
        server: LocalServer,
        sources: Sources,
        caplog: pytest.LogCaptureFixture,
        answer: Callable[..., None],
        sentence: str,
    ) -> None:
        server.answers[YAML] = answer
        with caplog.at_level(logging.WARNING):
            file = sources.fetch(ATLAS)
        assert (file.origin.converter, file.details) == (None, None)
        assert file.bundle_bytes == asset(release())
        [message] = [record.getMessage() for record in caplog.records]
        assert message.startswith("atlas 2026.09: without details: ")
        assert sentence in message


class TestNeitherFile:
    """When neither file can be read, the release cannot be fetched, and the message gives both reasons."""

    def refused(self, sources: Sources) -> Problem:
        with pytest.raises((SourceUnavailable, MalformedFile)) as problem:
            sources.fetch(ATLAS, "2026.09")
        return problem.value

    def test_neither_bundle_nor_yaml_exists(self, server: LocalServer, sources: Sources) -> None:
        server.answers[ASSET] = server.answers[YAML] = status(404)
        assert str(self.refused(sources)) == f"https:/{ASSET} does not exist; https:/{YAML} does not exist"

    def test_no_bundle_and_yaml_of_another_release(self, server: LocalServer, sources: Sources) -> None:
        server.answers[ASSET] = status(404)
        serve(server, {YAML: written(release("2026.08"))})
        assert "expected 2026.09, found 2026.08" in str(self.refused(sources))

    def test_a_bundle_of_another_release_and_no_yaml(self, server: LocalServer, sources: Sources) -> None:
        collection = {"type": "x-mitre-collection", "id": "x-mitre-collection--1", "x_mitre_version": "2026.08"}
        serve(server, {BLOB: asset(release(), collection)})
        server.answers[YAML] = status(404)
        assert "expected release 2026.09, found 2026.08" in str(self.refused(sources))

    @pytest.mark.parametrize(
        "location",
        [
            "https://example.org/stix-atlas.json?sig=secret",
            "https://release-assets.githubusercontent.com.example.org/1/2",
            "https://release-assets.githubusercontent.com:8443/1/2",
            "http://release-assets.githubusercontent.com/1/2",
        ],
    )
    def test_a_redirect_to_a_foreign_host_is_not_followed(
        self, server: LocalServer, sources: Sources, location: str
    ) -> None:
        server.answers[ASSET] = status(302, location=location)
        message = str(self.refused(sources))
        assert f"redirects to another server, {location.partition('?')[0]}: not followed" in message
        assert "secret" not in message


class TestManifest:
    """A missing or unreadable manifest is reported, and the older releases can still be fetched."""

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (status(404), f"https:/{MANIFEST} does not exist: expected a list of ATLAS releases in YAML"),
            (status(301, location="https://example.org/manifest.yaml"), "redirects to another server, https://example"),
            (body(b"<!DOCTYPE html><html>"), f"https:/{MANIFEST}: expected YAML, found a web page"),
            (body(b"v6/manifest.yaml"), "a symbolic link to v6/manifest.yaml, sent as text"),
            (body(b"releases: []"), f"https:/{MANIFEST}: expected a list of ATLAS releases in YAML, found a map"),
            (body(b""), "expected a list of ATLAS releases in YAML, found nothing"),
            (body(b"- [a,\n"), "line 2: not YAML"),
            (body(b"- !!python/name:os.system x"), "line 1: the tag tag:yaml.org,2002:python/name:os.system"),
            (body(b"- &a [x]\n- *a"), "line 2: the alias *a"),
            (body(b"[" * 100_000), "nested more than 20 levels deep"),
            (body(manifest()), f"https:/{MANIFEST}: lists no release from 2026.05 on"),
        ],
        ids=["404", "moved", "html", "link", "map", "empty", "cut", "tag", "alias", "deep", "old"],
    )
    def test_the_problem_is_reported_and_the_older_place_still_works(
        self, server: LocalServer, sources: Sources, answer: Callable[..., None], sentence: str
    ) -> None:
        server.answers[MANIFEST] = answer
        [problem] = sources.offers([ATLAS]).problems
        assert problem.knowledge_bases == ("atlas",)
        assert sentence in problem.sentence
        assert labels(sources) == ["5.6.0"]
        assert sources.fetch(ATLAS, "5.6.0").label == "5.6.0"

    def test_a_request_for_the_newest_release_warns_that_a_newer_one_may_exist(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.answers[MANIFEST] = status(404)
        with caplog.at_level(logging.WARNING):
            assert sources.best(ATLAS).label == "5.6.0"
        assert (
            "atlas: 5.6.0 is the newest release found, but not all releases could be listed: publisher: https:"
            in caplog.text
        )

    def test_a_release_in_format_7_only_is_offered_without_details_and_reported(
        self, server: LocalServer, sources: Sources, caplog: pytest.LogCaptureFixture
    ) -> None:
        newer = _entry("2026.10", ("7.0.0", "v7/ATLAS-2026.10.yaml"))
        serve(server, {MANIFEST: manifest("2026.09", further=[newer]), BLOB: asset(release("2026.10"))})
        server.answers[ASSET.replace("09", "10")] = status(302, location=f"https:/{BLOB}")
        assert labels(sources) == ["2026.10", "2026.09", "5.6.0"]
        [problem] = problems(sources)
        assert problem.startswith(
            f"https:/{MANIFEST}: line 1: release 2026.10 has no file in format 6 (there are: 7.0.0)"
        )
        file = sources.fetch(ATLAS, "2026.10")
        assert (file.origin.converter, file.details) == (None, None)

    def test_a_release_in_formats_6_and_7_is_read_in_format_6(self, server: LocalServer, sources: Sources) -> None:
        both = _entry("2026.10", ("7.0.0", "v7/ATLAS-2026.10.yaml"), ("6.1.0", "v6/ATLAS-2026.10.yaml"))
        serve(
            server,
            {
                MANIFEST: manifest(further=[both]),
                f"{DIST}/v6/ATLAS-2026.10.yaml": written(release("2026.10")),
            },
        )
        assert problems(sources) == []
        assert sources.fetch(ATLAS, "2026.10").origin.location == f"https:/{DIST}/v6/ATLAS-2026.10.yaml"

    @pytest.mark.parametrize(
        "path",
        [
            "../../../evil/main/x.yaml",
            "/etc/x.yaml",
            "https://example.org/x.yaml",
            "v6/../x.yaml",
            "v6/x.json",
            "",
            None,
        ],
    )
    def test_a_path_that_leads_out_of_the_folder_is_not_requested(
        self, server: LocalServer, sources: Sources, path: str | None
    ) -> None:
        serve(server, {MANIFEST: manifest(further=[_entry("2026.10", ("6.0.0", path))])})
        [problem] = problems(sources)
        assert "release 2026.10 has no file in format 6 (there are: 6.0.0)" in problem
        server.requested.clear()
        with pytest.raises(SourceUnavailable):
            sources.fetch(ATLAS, "2026.10")
        assert not any("evil" in asked or ".." in asked or "x.yaml" in asked for asked in server.requested)

    @pytest.mark.parametrize(
        ("odd", "sentence"),
        [
            ("text", "line 1: expected a release, found `text`"),
            ({"version": "2026.10"}, "line 1: expected a release, found nothing"),
            ({"release": "next"}, "line 1: `next` is not a release label such as 2026.09"),
            ({"release": ["2026.10"]}, "line 1: expected a release, found a list"),
            ({"release": "2026.10"}, "release 2026.10 has no file in format 6 (there are: none)"),
            ({"release": "2026.10", "versions": "6.0.0"}, "has no file in format 6 (there are: none)"),
        ],
    )
    def test_a_malformed_entry_is_reported_and_the_others_are_offered(
        self, server: LocalServer, sources: Sources, odd: Data, sentence: str
    ) -> None:
        serve(server, {MANIFEST: manifest("2026.09", further=[odd])})
        [problem] = problems(sources)
        assert sentence in problem
        assert {"2026.09", "5.6.0"} <= set(labels(sources))
        assert sources.every_label(ATLAS)[1] == [f"publisher: {problem}"]

    def test_an_invalid_release_date_is_ignored(self, server: LocalServer, sources: Sources) -> None:
        serve(
            server, {MANIFEST: manifest(further=[_entry("2026.10", ("6.0.0", "v6/x.yaml")) | {"release-date": "soon"}])}
        )
        assert sources.offers([ATLAS]).offers[0].published is None


class TestOlderPlace:
    def test_without_it_newer_releases_still_work(self, server: LocalServer, sources: Sources) -> None:
        server.answers[TAGS] = status(404)
        [problem] = problems(sources)
        assert "atlas-navigator-data/tags" in problem
        assert labels(sources) == ["2026.09", "2026.08"]
        assert sources.fetch(ATLAS).label == "2026.09"

    def test_one_place_alone_can_be_declared(self, server: LocalServer, tmp_path: Path, sources: Sources) -> None:
        newer, older = ATLAS.at_publisher
        only_newer, only_older = replace(ATLAS, at_publisher=(newer,)), replace(ATLAS, at_publisher=(older,))
        assert [offer.label for offer in sources.offers([only_newer]).offers] == ["2026.09", "2026.08"]
        assert [offer.label for offer in sources.offers([only_older]).offers] == ["5.6.0"]


def _entry(label: str, *files: tuple[str, str | None]) -> Data:
    versions = [{"format-version": number, "path": path} for number, path in files]
    return {"release": label, "release-date": "2026-10-15", "versions": versions}


def test_the_made_up_files_are_consistent() -> None:
    objects = json.loads(atlas_files.asset(release()))["objects"]
    assert len(objects) == 8
    assert len({stix["id"] for stix in objects}) == 8
