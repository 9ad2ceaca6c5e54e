"""Buckets have the same files in a folder and on a web server."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from ctibutler.errors import InvalidRequest, MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.sources.bucket import read_versions
from ctibutler.publishers.sources.offers import Sources
from ctibutler.settings import Settings
from tests.configured import settings_with
from tests.publishers.server import LocalServer, body, in_turn, silence, status
from tests.shared import read_shared, shared_path

CWE, TLP, D3FEND, ICS = (HOSTED.named(name) for name in ("cwe", "tlp", "d3fend", "attack-ics"))
BUNDLE = b'{"type": "bundle", "id": "bundle--1", "objects": []}'
DETAILS = b'{"weakness--1": {"status": "Draft"}}'
Where = Callable[[Path], str]


def settings(bucket: str, **others: object) -> Settings:
    return settings_with(bucket=bucket, **others)


def sources(bucket: str, **others: object) -> Sources:
    return Sources(settings(bucket, **others))


def labels(found: Sources, kb: KnowledgeBase) -> list[str]:
    return [offer.label for offer in found.offers([kb]).offers if offer.source == "bucket"]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A folder with the folder of CWE in it."""
    (tmp_path / "cwe2stix-manual-output").mkdir()
    return tmp_path


@pytest.fixture(params=["folder", "file URL", "website"])
def where(request: pytest.FixtureRequest) -> Where:
    """The value of the setting that names a folder, or a web server that serves it."""
    if request.param == "folder":
        return str
    if request.param == "file URL":
        return lambda path: path.as_uri()
    server: LocalServer = request.getfixturevalue("server")

    def serve(path: Path) -> str:
        server.serve_folder(path)
        return f"{server.url}/"

    return serve


def put(bucket: Path, **files: bytes) -> None:
    """Files in CWE's folder of a bucket, named `v4_14_json_zst` for `cwe-bundle-v4_14.json.zst`."""
    for name, content in files.items():
        if name == "versions":
            file_name = "version.txt"
        else:
            label, _, suffix = name.partition("_json")
            file_name = f"cwe-bundle-{label}.json{suffix.replace('_', '.')}"
        (bucket / "cwe2stix-manual-output" / file_name).write_bytes(content)


@pytest.mark.real
@pytest.mark.parametrize("kb", ALL, ids=lambda kb: kb.slug)
def test_the_newest_real_release_is_read_byte_for_byte(kb: KnowledgeBase, where: Where) -> None:
    readme = shared_path("kb/README.md").read_text()
    stated = {path: digest for digest, path in re.findall(r"^([0-9a-f]{64})  (.+)$", readme, re.MULTILINE)}
    found = sources(where(shared_path("kb")))
    release = found.fetch(kb)
    assert release.label == found.best(kb).label
    assert (
        release.origin.sha256
        == sha256(release.bundle_bytes).hexdigest()
        == stated[f"{kb.bucket.folder}/{release.file_name}"]
    )
    assert release.size == len(release.bundle_bytes)
    assert release.origin.source == "bucket"
    assert release.origin.location.endswith(f"/{release.file_name}.zst")
    assert release.origin.converter is None


@pytest.mark.real
def test_all_real_releases_are_offered_newest_first(where: Where) -> None:
    found = sources(where(shared_path("kb")))
    report = found.offers(ALL)
    assert not [problem for problem in report.problems if problem.source == "bucket"]
    assert len([offer for offer in report.offers if offer.source == "bucket"]) == 50
    assert labels(found, ICS) == ["18.1", "18.0", "17.1", "17.0", "16.1", "16.0", "15.1", "14.1", "8.0"]
    assert labels(found, HOSTED.named("atlas"))[:2] == ["5.6.0", "5.5.0"]


@pytest.mark.real
def test_d3fend_is_read_with_the_mapping_beside_it(where: Where) -> None:
    release = sources(where(shared_path("kb"))).fetch(D3FEND, "1.1.0")
    assert release.mapping == read_shared("kb/d3fend2stix-manual-output/d3fend-v1_1_0-external-relationships.json.zst")
    assert len(json.loads(release.mapping)) == 702


def test_d3fend_without_its_mapping_is_a_release_too(tmp_path: Path, where: Where) -> None:
    folder = tmp_path / "d3fend2stix-manual-output"
    folder.mkdir()
    (folder / "d3fend-v1_3_0-bundle.json").write_bytes(BUNDLE)
    (folder / "version.txt").write_text("1.3.0\n")
    release = sources(where(tmp_path)).fetch(D3FEND)
    assert (release.bundle_bytes, release.mapping) == (BUNDLE, None)


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [("", DETAILS), (".zst", zstandard.compress(DETAILS)), (".gz", gzip.compress(DETAILS))],
    ids=["plain", "zst", "gz"],
)
def test_details_are_read_from_beside_the_bundle(bucket: Path, where: Where, suffix: str, packed: bytes) -> None:
    put(bucket, versions=b"4.15", v4_15_json=BUNDLE)
    (bucket / "cwe2stix-manual-output" / f"cwe-details-v4_15.json{suffix}").write_bytes(packed)
    release = sources(where(bucket)).fetch(CWE)
    assert (release.bundle_bytes, release.details) == (BUNDLE, DETAILS)
    assert (release.size, release.origin.sha256) == (len(BUNDLE), sha256(BUNDLE).hexdigest())
    assert release.file_name == "cwe-bundle-v4_15.json"


def test_details_may_be_missing_but_not_truncated(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.15", v4_15_json=BUNDLE)
    assert sources(where(bucket)).fetch(CWE).details is None
    (bucket / "cwe2stix-manual-output" / "cwe-details-v4_15.json.zst").write_bytes(zstandard.compress(DETAILS)[:-4])
    with pytest.raises(MalformedFile, match=r"cwe-details-v4_15.json.zst: the compressed file is cut off"):
        sources(where(bucket)).fetch(CWE)


def test_labels_are_read_in_any_order_and_spelling() -> None:
    said = read_versions(
        b"\xef\xbb\xbf# what there is\n\n 4.9 \r\nv4_14\n4.10 # new\n4.9\nnot a label\n../x\nlatest\n\xff\n"
    )
    assert said.labels == ("4.9", "4.14", "4.10")
    assert said.odd_lines == ("not a label", "../x", "latest", "\ufffd")


def test_malformed_lines_are_reported_and_skipped(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.14\n../../etc/passwd\n<b>\n", v4_14_json=BUNDLE)
    report = sources(where(bucket)).offers([CWE])
    assert report.of("cwe")[0].label == "4.14"
    [problem] = [problem for problem in report.problems if problem.source == "bucket"]
    assert problem.knowledge_bases == ("cwe",)
    assert problem.sentence.endswith("version.txt: 2 lines are not release labels, starting with '../../etc/passwd'")


def test_a_web_page_is_not_accepted_as_a_list_of_releases(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"<!doctype html>\n<title>Sign in to the network 1</title>\n4.15\n")
    report = sources(where(bucket)).offers([CWE])
    assert "is a web page, not a list of releases" in report.problems_of("cwe")[0].sentence
    assert not [offer for offer in report.offers if offer.source == "bucket"]


def test_a_list_that_cannot_be_unpacked_is_reported(server: LocalServer) -> None:
    server.otherwise = body(b"\x1f\x8b, cut off", content_encoding="gzip")
    report = sources(server.url, sources="bucket").offers(ALL[:2])
    assert report.offers == ()
    assert ["version.txt: the compressed file is" in problem.sentence for problem in report.problems] == [True, True]


def test_a_release_is_read_even_when_its_origin_cannot_be_read(
    server: LocalServer, bucket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(bucket, versions=b"4.14", v4_14_json=BUNDLE)
    server.serve_folder(bucket)
    server.answers["/cwe2stix-manual-output/cwe-bundle-v4_14.origin.json"] = status(500)
    release = sources(server.url, sources="bucket", download_retries=0).fetch(HOSTED.named("cwe"))
    assert release.bundle_bytes == BUNDLE
    assert release.origin.mirrored_from is None
    assert "cannot be read" in caplog.text


def test_an_empty_list_is_reported(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"\n# nothing yet\n")
    assert sources(where(bucket)).offers([CWE]).problems_of("cwe")[0].sentence.endswith("version.txt lists no releases")


def test_a_missing_list_is_reported(bucket: Path, where: Where) -> None:
    [problem] = [found for found in sources(where(bucket)).offers([TLP]).problems if found.source == "bucket"]
    assert problem.knowledge_bases == ("tlp",)
    assert problem.sentence.endswith("/tlp/version.txt")


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [("", BUNDLE), ("_zst", zstandard.compress(BUNDLE)), ("_gz", gzip.compress(BUNDLE))],
    ids=["plain", "zst", "gz"],
)
def test_files_may_be_plain_or_compressed(bucket: Path, where: Where, suffix: str, packed: bytes) -> None:
    put(bucket, versions=b"4.15\n", **{f"v4_15_json{suffix}": packed})
    release = sources(where(bucket)).fetch(CWE, "v4_15")
    assert release.bundle_bytes == BUNDLE
    assert (release.size, release.origin.sha256) == (len(BUNDLE), sha256(BUNDLE).hexdigest())
    assert release.file_name == "cwe-bundle-v4_15.json"


def test_the_plain_file_is_preferred_to_compressed_ones(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.15", v4_15_json=BUNDLE, v4_15_json_zst=b"rubbish", v4_15_json_gz=b"rubbish")
    assert sources(where(bucket)).fetch(CWE).bundle_bytes == BUNDLE


def test_the_message_about_a_label_without_a_file_names_the_files_tried(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.99")
    with pytest.raises(SourceUnavailable) as failure:
        sources(where(bucket)).fetch(CWE, "4.99")
    for part in ("cwe 4.99", "/cwe2stix-manual-output;", "v4_99.json,", "v4_99.json.zst,", "v4_99.json.gz"):
        assert part in str(failure.value)


@pytest.mark.parametrize("suffix", ["_zst", "_gz"])
def test_a_truncated_compressed_file_is_an_error(bucket: Path, where: Where, suffix: str) -> None:
    packed = zstandard.compress(BUNDLE) if suffix == "_zst" else gzip.compress(BUNDLE)
    put(bucket, versions=b"4.15", **{f"v4_15_json{suffix}": packed[:-6]})
    with pytest.raises(MalformedFile, match=r"cwe-bundle-v4_15.json.\w+: the compressed file is cut off"):
        sources(where(bucket)).fetch(CWE)


def test_a_compression_bomb_is_refused(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.15", v4_15_json_gz=gzip.compress(bytes(20_000_000)))
    with pytest.raises(MalformedFile, match="larger than the limit of 1000000 bytes"):
        sources(where(bucket), bundle_max_bytes=1_000_000).fetch(CWE)


def test_a_file_beyond_the_limit_is_refused(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.15", v4_15_json=bytes(2_000_000))
    with pytest.raises(SourceUnavailable, match="limit of 1000000"):
        sources(where(bucket), download_max_bytes=1_000_000).fetch(CWE)
    with pytest.raises(MalformedFile, match="limit of 1000000"):
        sources(where(bucket), bundle_max_bytes=1_000_000).fetch(CWE)


def test_progress_reaches_the_total(bucket: Path, where: Where) -> None:
    put(bucket, versions=b"4.15", v4_15_json=BUNDLE)
    seen: list[tuple[int, int | None]] = []
    sources(where(bucket)).fetch(CWE, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(BUNDLE), len(BUNDLE))


class TestFolder:
    """Behaviour of folders on this machine only."""

    def test_without_a_list_releases_are_taken_from_file_names(self, bucket: Path) -> None:
        put(bucket, v4_9_json=BUNDLE, v4_14_json_zst=zstandard.compress(BUNDLE), v4_10_json_gz=b"")
        for name in ("cwe-bundle-v.json", "cwe-bundle-v4.8.json", "cwe-bundle-v4_7.xml", "notes1.txt"):
            (bucket / "cwe2stix-manual-output" / name).write_bytes(b"")
        found = sources(str(bucket))
        assert labels(found, CWE) == ["4.14", "4.10", "4.9"]
        assert not found.offers([CWE]).problems_of("cwe")
        assert found.fetch(CWE).bundle_bytes == BUNDLE

    @pytest.mark.real
    def test_names_of_real_files_agree_with_their_lists(self, tmp_path: Path) -> None:
        kb = shared_path("kb")
        for folder in (path for path in kb.iterdir() if path.is_dir()):
            (tmp_path / folder.name).mkdir()
            for file in folder.glob("*.zst"):
                (tmp_path / folder.name / file.name).symlink_to(file)
        assert [offer.label for offer in sources(str(tmp_path)).offers(ALL).offers] == [
            offer.label for offer in sources(str(kb)).offers(ALL).offers
        ]

    def test_offers_give_location_and_size(self, bucket: Path) -> None:
        put(bucket, versions=b"4.15\n4.14\n4.13", v4_15_json=BUNDLE, v4_14_json_zst=zstandard.compress(BUNDLE))
        folder = bucket / "cwe2stix-manual-output"
        offers = sources(str(bucket)).offers([CWE]).of("cwe")
        assert [(offer.location, offer.size) for offer in offers if offer.source == "bucket"] == [
            (str(folder / "cwe-bundle-v4_15.json"), len(BUNDLE)),
            (str(folder / "cwe-bundle-v4_14.json.zst"), len(BUNDLE)),
            (str(folder / "cwe-bundle-v4_13.json"), None),
        ]

    def test_a_relative_path_starts_at_the_current_folder(self, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(bucket, versions=b"4.15", v4_15_json=BUNDLE)
        monkeypatch.chdir(bucket)
        assert labels(sources("."), CWE) == ["4.15"]
        monkeypatch.chdir(bucket / "cwe2stix-manual-output")
        assert labels(sources("../"), CWE) == ["4.15"]

    def test_a_missing_folder_is_reported_once(self, tmp_path: Path) -> None:
        [problem] = [p for p in sources(str(tmp_path / "no")).offers(ALL).problems if p.source == "bucket"]
        assert problem.knowledge_bases is None
        assert problem.sentence == f"the folder {tmp_path / 'no'} does not exist (CTIBUTLER_BUCKET)"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
    def test_an_unreadable_file_is_reported(self, bucket: Path) -> None:
        put(bucket, versions=b"4.15", v4_15_json=BUNDLE)
        (bucket / "cwe2stix-manual-output" / "cwe-bundle-v4_15.json").chmod(0)
        with pytest.raises(SourceUnavailable, match="cannot be read: Permission denied"):
            sources(str(bucket)).fetch(CWE)

    @pytest.mark.parametrize("text", ["ftp://host/kb", "file://elsewhere/kb", "http:///kb", "s3://bucket"])
    def test_a_value_that_is_neither_folder_nor_url_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequest, match="CTIBUTLER_BUCKET"):
            sources(text)

    def test_having_no_bucket_is_not_a_problem(self) -> None:
        assert not [problem for problem in sources("").offers(ALL).problems if problem.source == "bucket"]


class TestWebsite:
    """Behaviour of buckets on the web only."""

    def test_a_server_that_never_answers_is_requested_only_once(self, server: LocalServer) -> None:
        server.otherwise = silence(server)
        found = sources(server.url)
        report = found.offers(ALL)
        [problem] = [problem for problem in report.problems if problem.source == "bucket"]
        assert problem.knowledge_bases is None
        assert "/mitre-attack-enterprise-repo-data/version.txt" in problem.sentence
        for kb in ALL:
            assert report.problems_of(kb.slug)
        assert found.fetch(TLP).origin.source == "built-in"
        with pytest.raises(SourceUnavailable, match="capec: no source has a release; bucket: http"):
            found.fetch(HOSTED.named("capec"))
        assert len(server.requested) == 1

    @pytest.mark.parametrize("code", [500, 503, 401, 429])
    def test_a_server_that_refuses_everything_is_requested_only_once(self, server: LocalServer, code: int) -> None:
        server.otherwise = status(code)
        [problem] = [problem for problem in sources(server.url).offers(ALL).problems if problem.source == "bucket"]
        assert f"answered {code}" in problem.sentence
        assert set(server.requested) == {"/mitre-attack-enterprise-repo-data/version.txt"}
        assert len(server.requested) <= 2

    def test_an_unreachable_server_is_reported_once(self) -> None:
        [problem] = [p for p in sources("http://127.0.0.1:1/").offers(ALL).problems if p.source == "bucket"]
        assert problem.sentence.endswith("refused; check the network and CTIBUTLER_BUCKET")

    def test_a_request_that_fails_once_is_retried(self, server: LocalServer) -> None:
        server.otherwise = in_turn(status(500), body(b"4.15\n"))
        assert labels(sources(server.url), CWE) == ["4.15"]

    def test_lists_read_before_a_server_fails_are_kept(self, server: LocalServer) -> None:
        server.otherwise = silence(server)
        server.answers["/mitre-attack-enterprise-repo-data/version.txt"] = body(b"19.0\n")
        server.answers["/mitre-attack-mobile-repo-data/version.txt"] = body(b"19.0\n")
        report = sources(server.url, download_timeout=0.5).offers(ALL)
        assert [offer.knowledge_base for offer in report.offers if offer.source == "bucket"] == [
            "attack-enterprise",
            "attack-mobile",
        ]
        assert len(server.requested) == 3

    def test_a_list_beyond_the_size_limit_is_refused(self, server: LocalServer) -> None:
        server.otherwise = body(b"4.15\n" * 1_000_000)
        [problem] = [p for p in sources(server.url).offers([CWE]).problems if p.source == "bucket"]
        assert problem.sentence.endswith("version.txt is larger than the limit of 1048576 bytes")

    def test_a_gz_file_may_be_sent_decompressed(self, server: LocalServer) -> None:
        folder = "/cwe2stix-manual-output"
        server.answers[f"{folder}/version.txt"] = body(b"4.15\n4.16\n")
        server.answers[f"{folder}/cwe-bundle-v4_15.json.gz"] = body(gzip.compress(BUNDLE), Content_Encoding="gzip")
        server.answers[f"{folder}/cwe-bundle-v4_16.json.gz"] = body(BUNDLE)
        found = sources(server.url)
        assert found.fetch(CWE, "4.15").bundle_bytes == BUNDLE
        assert found.fetch(CWE, "4.16").bundle_bytes == BUNDLE

    def test_a_failed_request_is_not_taken_for_a_missing_file(self, server: LocalServer) -> None:
        server.otherwise = status(404)
        folder = "/cwe2stix-manual-output"
        server.answers[f"{folder}/version.txt"] = body(b"4.15\n")
        server.answers[f"{folder}/cwe-bundle-v4_15.json"] = status(500)
        server.answers[f"{folder}/cwe-bundle-v4_15.json.zst"] = body(zstandard.compress(BUNDLE))
        with pytest.raises(SourceUnavailable, match="answered 500"):
            sources(server.url, download_retries=0).fetch(CWE, "4.15")

    def test_secrets_in_the_address_are_not_shown(self, server: LocalServer) -> None:
        folder = "/kb/cwe2stix-manual-output"
        server.answers[f"{folder}/version.txt"] = body(b"4.15\n")
        server.answers[f"{folder}/cwe-bundle-v4_15.json"] = body(BUNDLE)
        found = sources(f"http://jane:sesame@127.0.0.1:{server.port}/kb/?sig=topsecret")
        release = found.fetch(CWE, "4.15")
        assert release.origin.location == f"{server.url}{folder}/cwe-bundle-v4_15.json"
        report = found.offers(ALL)
        for text in (repr(release), repr(report)):
            assert "sesame" not in text
            assert "topsecret" not in text
        assert {headers.get("Authorization") for headers in server.headers} == {"Basic amFuZTpzZXNhbWU="}

    def test_only_the_bucket_is_requested(self, server: LocalServer) -> None:
        server.serve_folder(shared_path("kb"))
        sources(f"{server.url}/").fetch(TLP, "2")
        assert server.requested == [
            "/tlp/version.txt",
            "/tlp/tlpv2-bundle.json",
            "/tlp/tlpv2-bundle.json.zst",
            "/tlp/tlpv2-bundle.origin.json.zst",
        ]
