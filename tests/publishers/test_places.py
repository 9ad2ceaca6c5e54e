"""Each publisher's own place: how its releases are listed and fetched, and what is reported when it has changed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ctibutler.errors import MalformedFile, NotFound, SourceUnavailable
from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.publishers.places import github
from ctibutler.publishers.sources import publisher_web
from ctibutler.publishers.sources.offers import Sources
from ctibutler.publishers.sources.source import OfferReport
from tests.publishers import publishers
from tests.publishers.publishers import API, ATLAS, ATTACK, CAPEC, CWE, D3FEND, DISARM, F3, RAW, WORKBOOK, serve
from tests.publishers.server import LocalServer, body, endless, silence, status
from tests.shared import read_shared

DATA = Path(__file__).parent / "data"
ICS = HOSTED.named("attack-ics")


def sources(server: LocalServer, tmp_path: Path, **further: object) -> Sources:
    return Sources(publishers.settings(server, data_dir=tmp_path, **further))


def labels(report: OfferReport, slug: str) -> list[str]:
    return [offer.label for offer in report.of(slug)]


def serve_pages(server: LocalServer, path: str, pages: Sequence[object]) -> None:
    """Answer with a list in pages as GitHub does: each has an ETag and links to the next one under another path."""
    later = "/api.github.com/repositories/123/list"

    def answer(request: BaseHTTPRequestHandler) -> None:
        number = int(parse_qs(urlsplit(request.path).query).get("page", ["1"])[0])
        etag = f'"{number}"'
        if request.headers.get("If-None-Match") == etag:
            status(304)(request)
            return
        links = f'<https:/{later}?page=1>; rel="first"'
        if number < len(pages):
            links += f', <https:/{later}?per_page=100&page={number + 1}>; rel="next"'
        body(json.dumps(pages[number - 1]).encode(), etag=etag, link=links)(request)

    server.answers[path] = server.answers[later] = answer


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def catalogue(version: str) -> bytes:
    return f"""<?xml version="1.0"?>
<Weakness_Catalog Name="CWE" Version="{version}" Date="2025-04-03" xmlns="http://cwe.mitre.org/cwe-7"><Weaknesses>
<Weakness ID="79" Name="Cross-site Scripting" Abstraction="Base" Status="Stable"><Description>Script.</Description>
<Content_History><Submission><Submission_Date>2006-07-19</Submission_Date></Submission></Content_History>
</Weakness></Weaknesses></Weakness_Catalog>""".encode()


class TestAttack:
    def test_the_index_lists_the_releases_of_each_domain(self, server: LocalServer, tmp_path: Path) -> None:
        listing = publishers.index(
            enterprise_attack=["18.1", "18.0"], ics_attack=["18.1", "8.0"], mobile_attack=["1.0"]
        )
        serve(server, {f"{ATTACK}/index.json": listing})
        report = sources(server, tmp_path).offers(ALL)
        assert labels(report, "attack-enterprise") == ["18.1", "18.0"]
        assert labels(report, "attack-ics") == ["18.1", "8.0"]
        assert labels(report, "attack-mobile") == ["1.0"]
        assert report.of("attack-ics")[1].location == f"https:/{ATTACK}/ics-attack/ics-attack-8.0.json"

    def test_a_beta_has_its_own_label(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{ATTACK}/index.json": publishers.index(mobile_attack=["11.0-beta", "11.3"])})
        report = sources(server, tmp_path).offers([HOSTED.named("attack-mobile")])
        assert labels(report, "attack-mobile") == ["11.3", "11.0-beta"]

    def test_the_bundle_is_used_unchanged(self, server: LocalServer, tmp_path: Path) -> None:
        content = json.dumps(publishers.bundle({"type": "x-mitre-collection", "id": "x"}), indent=3).encode()
        serve(
            server,
            {
                f"{ATTACK}/index.json": publishers.index(ics_attack=["18.1"]),
                f"{ATTACK}/ics-attack/ics-attack-18.1.json": content,
            },
        )
        release = sources(server, tmp_path).fetch(ICS)
        assert release.bundle_bytes == content
        assert (release.label, release.origin.source, release.origin.converter) == ("18.1", "publisher", None)
        assert release.origin.location.endswith("/ics-attack/ics-attack-18.1.json")

    def test_a_release_missing_from_the_index_is_found_at_its_usual_url(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(
            server,
            {
                f"{ATTACK}/index.json": publishers.index(ics_attack=["18.1"]),
                f"{ATTACK}/ics-attack/ics-attack-9.0.json": publishers.bundle(),
            },
        )
        found = sources(server, tmp_path)
        assert found.fetch(ICS, "9.0").label == "9.0"
        with pytest.raises(SourceUnavailable, match=r"expected a file at https://raw\..*ics-attack-7\.0\.json"):
            found.fetch(ICS, "7.0")

    @pytest.mark.parametrize(
        ("listing", "sentence"),
        [
            ({"collections": {}}, r"index\.json is not an index of ATT&CK collections .*Expected `array`"),
            ({"items": []}, r"index\.json is not an index .*missing required field `collections`"),
            ({"collections": [{"versions": [{"version": 18.1, "url": "x"}]}]}, r"Expected `str`, got `float`"),
            ({"collections": []}, r"index\.json: no version has a file of the form ics-attack/ics-attack-….json"),
            (b"<html>", r"index\.json is not an index of ATT&CK"),
            (b'{"further": ' + b"[" * 200_000, r"index\.json is not an index of ATT&CK"),
            ({"collections": [{"versions": [{"version": "1.0", "url": "https://[x"}]}]}, r"no version has a file"),
        ],
    )
    def test_a_changed_layout_is_reported_and_other_publishers_still_work(
        self, server: LocalServer, tmp_path: Path, listing: object, sentence: str
    ) -> None:
        serve(server, {f"{ATTACK}/index.json": listing, CAPEC: publishers.bundle({"x_capec_version": "3.9"})})
        report = sources(server, tmp_path).offers([ICS, HOSTED.named("capec")])
        [problem] = report.problems
        assert problem.knowledge_bases == ("attack-ics",)
        with pytest.raises(SourceUnavailable, match=sentence):
            raise SourceUnavailable(problem.sentence)
        assert labels(report, "capec") == ["3.9"]

    def test_an_index_that_names_a_foreign_host_is_not_followed(self, server: LocalServer, tmp_path: Path) -> None:
        listing = publishers.index(ics_attack=["18.1"])
        listing["collections"][0]["versions"][0]["url"] = "https://example.org/ics-attack/ics-attack-18.1.json"
        serve(server, {f"{ATTACK}/index.json": listing})
        [offer] = sources(server, tmp_path).offers([ICS]).offers
        assert offer.location == f"https:/{ATTACK}/ics-attack/ics-attack-18.1.json"

    @pytest.mark.real
    def test_the_publishers_own_index_is_read(self, server: LocalServer, tmp_path: Path) -> None:
        content = read_shared("kb-primary/attack/index.json.zst")
        serve(server, {f"{ATTACK}/index.json": content})
        report = sources(server, tmp_path).offers(ALL)
        for collection in json.loads(content)["collections"]:
            named = {version["version"] for version in collection["versions"]}
            domain = collection["versions"][0]["url"].split("/")[-2]
            assert set(labels(report, f"attack-{domain.removesuffix('-attack')}")) == named


class TestCapec:
    kb = HOSTED.named("capec")

    def test_the_release_is_the_greatest_version_in_the_bundle(self, server: LocalServer, tmp_path: Path) -> None:
        old = {"type": "attack-pattern", "x_capec_version": "3.9"}
        serve(
            server,
            {CAPEC: publishers.bundle(old, {"type": "attack-pattern", "x_capec_version": "3.10"}, {"type": "x"})},
        )
        assert sources(server, tmp_path).fetch(self.kb).label == "3.10"

    def test_the_bundle_is_downloaded_once_for_listing_and_fetching(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {CAPEC: publishers.bundle({"x_capec_version": "3.9"})})
        found = sources(server, tmp_path)
        found.fetch(self.kb)
        found.fetch(self.kb)
        conditions = [headers.get("If-None-Match") for headers in server.headers]
        assert conditions[0] is None
        assert all(conditions[1:])

    def test_only_the_newest_release_can_be_fetched(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {CAPEC: publishers.bundle({"x_capec_version": "3.9"})})
        with pytest.raises(NotFound, match=r"capec 3\.5: no source has this release; available: 3\.9"):
            sources(server, tmp_path).fetch(self.kb, "3.5")

    @pytest.mark.parametrize("content", [publishers.bundle({"type": "attack-pattern"}), {"objects": 1}, b"<html>", b""])
    def test_a_bundle_without_versions_is_reported(self, server: LocalServer, tmp_path: Path, content: object) -> None:
        serve(server, {CAPEC: content})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert "stix-capec.json: expected a STIX 2.1 bundle whose objects have `x_capec_version`" in problem.sentence

    def test_a_release_published_meanwhile_is_not_mistaken_for_the_previous_one(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(server, {CAPEC: publishers.bundle({"x_capec_version": "3.9"})})
        found = sources(server, tmp_path)
        found.offers([self.kb])
        serve(server, {CAPEC: publishers.bundle({"x_capec_version": "4.0"})})
        with pytest.raises(MalformedFile, match=r"expected release 3\.9, found 4\.0"):
            found.fetch(self.kb, "3.9")

    @pytest.mark.real
    def test_the_real_bundle_gives_its_release(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {CAPEC: read_shared("kb/mitre-capec-repo-data/stix-capec-v3_6.json.zst")})
        assert sources(server, tmp_path).fetch(self.kb).label == "3.6"


class TestCwe:
    kb = HOSTED.named("cwe")

    def test_the_newest_file_gives_its_release_and_the_archive_lists_the_others(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        page = b'<a href="/data/xml/cwec_v4.16.xml.zip">XML</a> <a href="/data/xml/cwec_v4.9.xml.zip">XML</a> cwec_v3.4.xml.zip'
        serve(
            server,
            {
                f"{CWE}/xml/cwec_latest.xml.zip": zipped("cwec_v4.17.xml", catalogue("4.17")),
                f"{CWE}/xml/cwec_v4.16.xml.zip": zipped("cwec_v4.16.xml", catalogue("4.16")),
                f"{CWE}/archive.html": page,
            },
        )
        found = sources(server, tmp_path)
        assert labels(found.offers([self.kb]), "cwe") == ["4.17", "4.16", "4.9"]
        newest = found.fetch(self.kb)
        assert (newest.label, newest.origin.converter, newest.origin.converter_version) == ("4.17", "cwe-xml", 1)
        assert newest.origin.location.endswith("/cwec_latest.xml.zip")
        older = found.fetch(self.kb, "4.16")
        assert older.file_name == "cwec_v4.16.xml"
        assert b'"CWE-79"' in older.bundle_bytes

    @pytest.mark.parametrize(
        ("page", "sentence"),
        [
            (None, "https://cwe.mitre.org/data/archive.html does not exist"),
            (b"<html>We moved</html>", "archive.html lists no catalogues: expected links to cwec_v….xml.zip"),
        ],
    )
    def test_without_the_archive_the_newest_is_offered_and_the_problem_is_reported(
        self, server: LocalServer, tmp_path: Path, page: bytes | None, sentence: str
    ) -> None:
        serve(server, {f"{CWE}/xml/cwec_latest.xml.zip": zipped("cwec_v4.17.xml", catalogue("4.17"))})
        if page is not None:
            serve(server, {f"{CWE}/archive.html": page})
        found = sources(server, tmp_path)
        listed, [gap] = found.every_label(self.kb)
        assert listed == ["4.17"]
        assert sentence in gap
        assert found.fetch(self.kb).label == "4.17"

    def test_a_release_that_is_not_listed_is_found_by_its_label(self, server: LocalServer, tmp_path: Path) -> None:
        serve(
            server,
            {
                f"{CWE}/xml/cwec_latest.xml.zip": zipped("cwec_v4.17.xml", catalogue("4.17")),
                f"{CWE}/xml/cwec_v4.15.xml.zip": zipped("cwec_v4.15.xml", catalogue("4.15")),
                f"{CWE}/xml/cwec_v4.14.xml.zip": zipped("cwec_v4.14.xml", catalogue("4.13")),
            },
        )
        found = sources(server, tmp_path)
        assert found.fetch(self.kb, "4.15").label == "4.15"
        sentence = r"^cwe 4\.14: no source has this release; available: 4\.17; .*: expected release 4\.14, found 4\.13$"
        with pytest.raises(SourceUnavailable, match=sentence):
            found.fetch(self.kb, "4.14")

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (zipped("cwec.xml", b"<Other/>"), "expected a Weakness_Catalog element with a Version"),
            (zipped("readme.txt", b""), "expected one .xml file in the zip file, found 0"),
            (b"<html>moved</html>", "cwec_latest.xml.zip"),
        ],
    )
    def test_a_file_that_is_not_a_catalogue_is_reported(
        self, server: LocalServer, tmp_path: Path, content: bytes, sentence: str
    ) -> None:
        serve(server, {f"{CWE}/xml/cwec_latest.xml.zip": content})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert sentence in problem.sentence

    @pytest.mark.real
    def test_the_real_catalogue_becomes_a_release(self, server: LocalServer, tmp_path: Path) -> None:
        content = read_shared("kb-primary/cwe/cwec_v4.14.xml.zip")
        serve(server, {f"{CWE}/xml/cwec_latest.xml.zip": content, f"{CWE}/xml/cwec_v4.14.xml.zip": content})
        release = sources(server, tmp_path).fetch(self.kb)
        assert (release.label, len(json.loads(release.bundle_bytes)["objects"])) == ("4.14", 2754)


class TestAtlas:
    """The place of the releases up to 5.6.0 alone."""

    kb = replace(HOSTED.named("atlas"), at_publisher=HOSTED.named("atlas").at_publisher[1:])
    changelog = b"""# Changelog
## [1.10.0]() (2025-08-13)
- STIX and layers updated to use ATLAS Data 5.0.0 and ATT&CK 17.1
## [1.6.4]() (2024-06-25)
- OpenCTI bundles
## [1.9.0]() (2025-04-22)
- updated to use ATLAS Data 4.9.0
"""

    def test_labels_come_from_tags_or_from_the_changelog_at_a_tag(self, server: LocalServer, tmp_path: Path) -> None:
        tags = [{"name": name} for name in ("v1.10.0", "v1.6.4", "v1.9.0", "v5.1.1", "2026.06", "nightly")]
        serve(
            server,
            {
                f"{API}/repos{ATLAS}/tags": tags,
                f"{RAW}{ATLAS}/main/CHANGELOG.md": self.changelog,
                f"{RAW}{ATLAS}/v1.9.0/dist/stix-atlas.json": publishers.bundle({"type": "x-mitre-tactic"}),
                f"{RAW}{ATLAS}/2026.06/dist/stix-atlas.json": publishers.bundle(),
            },
        )
        found = sources(server, tmp_path)
        assert labels(found.offers([self.kb]), "atlas") == ["2026.06", "5.1.1", "5.0.0", "4.9.0"]
        assert found.fetch(self.kb).label == "2026.06"
        assert b"x-mitre-tactic" in found.fetch(self.kb, "4.9.0").bundle_bytes

    def test_the_highest_of_several_tags_with_one_release_is_used(self, server: LocalServer, tmp_path: Path) -> None:
        serve(
            server,
            {
                f"{API}/repos{ATLAS}/tags": [{"name": "v1.9.0"}, {"name": "v1.10.1"}, {"name": "v1.10.0"}],
                f"{RAW}{ATLAS}/main/CHANGELOG.md": b"".join(
                    b"## [%s]\n- updated to use ATLAS Data 5.0.0\n" % own for own in (b"1.10.1", b"1.10.0", b"1.9.0")
                ),
                f"{RAW}{ATLAS}/v1.10.1/dist/stix-atlas.json": publishers.bundle({"type": "x-mitre-tactic"}),
                f"{RAW}{ATLAS}/v1.10.0/dist/stix-atlas.json": publishers.bundle(),
                f"{RAW}{ATLAS}/v1.9.0/dist/stix-atlas.json": publishers.bundle(),
            },
        )
        found = sources(server, tmp_path)
        [offer] = found.offers([self.kb]).offers
        release = found.fetch(self.kb)
        assert offer.location == release.origin.location
        assert release.origin.location.endswith("/v1.10.1/dist/stix-atlas.json")
        assert b"x-mitre-tactic" in release.bundle_bytes

    def test_all_pages_of_tags_are_read(self, server: LocalServer, tmp_path: Path) -> None:
        pages = [[{"name": f"v{major}.{number}.0"} for number in range(100)] for major in range(4, 13)]
        pages.append([{"name": "v13.0.0"}])
        serve_pages(server, f"{API}/repos{ATLAS}/tags", pages)
        report = sources(server, tmp_path).offers([self.kb])
        assert len(labels(report, "atlas")) == 901
        assert labels(report, "atlas")[0] == "13.0.0"
        assert report.problems == ()

    def test_all_pages_are_read_again_even_if_none_has_changed(self, server: LocalServer, tmp_path: Path) -> None:
        serve_pages(server, f"{API}/repos{ATLAS}/tags", [[{"name": "v4.0.0"}], [{"name": "v5.0.0"}]])
        for _ in range(2):
            assert labels(sources(server, tmp_path).offers([self.kb]), "atlas") == ["5.0.0", "4.0.0"]

    def test_a_list_with_more_pages_than_are_read_is_reported_beside_what_was_read(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        pages = [[{"name": f"v{number}.0.0"}] for number in range(1, github.MAX_PAGES + 2)]
        serve_pages(server, f"{API}/repos{ATLAS}/tags", pages)
        report = sources(server, tmp_path).offers([self.kb])
        [problem] = report.problems
        assert problem.sentence == (
            f"https:/{API}/repos{ATLAS}/tags has more than 20 pages: only the first 20 entries were read"
        )
        assert labels(report, "atlas")[0] == "20.0.0"

    def test_a_next_page_at_another_host_is_not_requested(self, server: LocalServer, tmp_path: Path) -> None:
        server.answers[f"{API}/repos{ATLAS}/tags"] = body(
            b'[{"name": "v5.0.0"}]', link='<https://example.org/tags?page=2>; rel="next"'
        )
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert problem.sentence.startswith("https://example.org/tags is not at api.github.com")

    def test_a_rate_limit_is_reported(self, server: LocalServer, tmp_path: Path) -> None:
        server.answers[f"{API}/repos{ATLAS}/tags"] = status(403)
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert problem.sentence.endswith("/tags answered 403 Forbidden: access denied, or too many requests")

    def test_a_repository_without_releases_is_reported(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{API}/repos{ATLAS}/tags": [{"name": "nightly"}]})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert problem.sentence == f"github.com{ATLAS}: none of the tags is a release"

    @pytest.mark.real
    def test_the_real_bundle_is_used_unchanged(self, server: LocalServer, tmp_path: Path) -> None:
        content = read_shared("kb-primary/atlas/stix-atlas-5.6.0.json.zst")
        path = f"{RAW}{ATLAS}/v5.6.0/dist/stix-atlas.json"
        serve(server, {f"{API}/repos{ATLAS}/tags": [{"name": "v5.6.0"}], path: content})
        release = sources(server, tmp_path).fetch(self.kb)
        assert json.loads(release.bundle_bytes) == json.loads(
            read_shared("kb/mitre-atlas-repo-data/mitre-atlas-v5_6_0.json.zst")
        )


class TestDisarm:
    kb = HOSTED.named("disarm")

    def test_a_release_is_the_last_commit_before_the_next_release(self, server: LocalServer, tmp_path: Path) -> None:
        commits = [
            publishers.commit("fff", "2026-02-03", "Corrected a typo"),
            publishers.commit("eee", "2026-01-10", "New Version 1.7 of Red Framework"),
            publishers.commit("ddd", "2025-05-05", "A change between releases"),
            publishers.commit("ccc", "2024-11-22", "Assigned new techniques to TA15"),
            publishers.commit("bbb", "2024-11-19", "New version V1.6 of Red Framework"),
            publishers.commit("aaa", "2024-08-01", "New Version 1.5 of Red Framework"),
        ]
        serve(server, {f"{API}/repos{DISARM}/commits": commits})
        offers = {offer.label: offer for offer in sources(server, tmp_path).offers([self.kb]).offers}
        found = {label: (offer.location.split("/")[-3], str(offer.published)) for label, offer in offers.items()}
        # The dates of 1.5 and 1.6 are declared: later changes belong to 1.7 or a later release.
        assert found == {"1.7": ("fff", "2026-02-03"), "1.6": ("ccc", "2024-11-22"), "1.5": ("aaa", "2024-08-02")}
        assert f"path={WORKBOOK.replace('/', '%2F')}" in server.requested[0]

    def test_the_objects_of_a_release_have_its_date(self, server: LocalServer, tmp_path: Path) -> None:
        workbook = (DATA / "disarm-1.6-excerpt.xlsx").read_bytes()
        commits = [publishers.commit("eee", "2026-01-10", "New Version 1.7 of Red Framework")]
        serve(server, {f"{API}/repos{DISARM}/commits": commits, f"{RAW}{DISARM}/eee/{WORKBOOK}": workbook})
        release = sources(server, tmp_path).fetch(self.kb)
        assert (release.label, release.origin.converter, release.file_name) == (
            "1.7",
            "disarm-xlsx",
            WORKBOOK.split("/")[1],
        )
        modified = {
            item["modified"] for item in json.loads(release.bundle_bytes)["objects"] if item["type"] == "attack-pattern"
        }
        assert modified == {"2026-01-10T00:00:00.000Z"}

    @pytest.mark.real
    @pytest.mark.parametrize("label", ["1.4", "1.5", "1.6"])
    def test_the_real_workbook_becomes_the_bundle_of_the_bucket(
        self, server: LocalServer, tmp_path: Path, label: str
    ) -> None:
        day = {"1.4": "2024-03-14", "1.5": "2024-08-02", "1.6": "2024-11-22"}[label]
        serve(
            server,
            {
                f"{API}/repos{DISARM}/commits": [
                    publishers.commit("aaa", day, f"New Version {label} of Red Framework")
                ],
                f"{RAW}{DISARM}/aaa/{WORKBOOK}": read_shared(
                    f"kb-primary/disarm/DISARM_FRAMEWORKS_MASTER-v{label}.xlsx"
                ),
            },
        )
        release = sources(server, tmp_path).fetch(self.kb, label)
        expected = read_shared(f"kb/disarm2stix-manual-output/disarm-bundle-v{label.replace('.', '_')}.json.zst")
        assert json.loads(release.bundle_bytes)["objects"] == json.loads(expected)["objects"]

    def test_a_history_without_releases_is_reported(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{API}/repos{DISARM}/commits": [publishers.commit("aaa", "2025-01-01")]})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert problem.sentence == f"github.com{DISARM}: no commit to {WORKBOOK} names a release"

    @pytest.mark.parametrize(
        ("commits", "sentence"),
        [
            ({"message": "moved"}, "/commits is not a list of commits: Expected `array`, got `object`"),
            ([publishers.commit("aaa", "yesterday")], "aaa has no date"),
        ],
    )
    def test_an_unexpected_answer_is_reported(
        self, server: LocalServer, tmp_path: Path, commits: object, sentence: str
    ) -> None:
        serve(server, {f"{API}/repos{DISARM}/commits": commits})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert sentence in problem.sentence


class TestD3fend:
    kb = HOSTED.named("d3fend")

    def test_the_site_names_the_newest_release_and_tags_name_the_others(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        tags = [{"name": name} for name in ("1.6.0", "1.5.0", "v1.4.0", "0.16.0-BETA-1", "1.7.0-rc")]
        serve(
            server,
            {f"{D3FEND}/api/version.json": {"version": "1.6.0"}, f"{API}/repos/d3fend/d3fend-ontology/tags": tags},
        )
        report = sources(server, tmp_path).offers([self.kb])
        assert labels(report, "d3fend") == ["1.6.0", "1.5.0", "1.4.0"]
        assert report.offers[0].location == f"https:/{D3FEND}/ontologies/d3fend/1.6.0/d3fend.json"

    def test_the_ontology_becomes_a_bundle_with_the_mapping_beside_it(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(
            server,
            {
                f"{D3FEND}/api/version.json": {"version": "1.2.0"},
                f"{D3FEND}/ontologies/d3fend/1.2.0/d3fend.json": (DATA / "d3fend-1.2.0-excerpt.json").read_bytes(),
            },
        )
        release = sources(server, tmp_path).fetch(self.kb)
        assert (release.label, release.origin.converter) == ("1.2.0", "d3fend-json")
        assert release.mapping is not None
        assert {"source", "target", "type", "description"} == json.loads(release.mapping)[0].keys()

    def test_every_file_is_read_from_the_folder_of_its_release(self, server: LocalServer, tmp_path: Path) -> None:
        ontology = (DATA / "d3fend-1.2.0-excerpt.json").read_bytes()
        serve(
            server,
            {
                f"{D3FEND}/api/version.json": {"version": "1.6.0"},
                f"{API}/repos/d3fend/d3fend-ontology/tags": [{"name": "1.2.0"}],
                f"{D3FEND}/ontologies/d3fend/1.2.0/d3fend.json": ontology,
            },
        )
        found = sources(server, tmp_path)
        assert found.fetch(self.kb, "1.2.0").label == "1.2.0"
        with pytest.raises(SourceUnavailable, match=r"expected a file at .*/d3fend/1\.6\.0/d3fend\.json"):
            found.fetch(self.kb, "1.6.0")
        assert not any("/api/ontology/" in path for path in server.requested)

    def test_without_tags_the_newest_is_offered(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{D3FEND}/api/version.json": {"ontology_version": "1.6.0"}})
        assert labels(sources(server, tmp_path).offers([self.kb]), "d3fend") == ["1.6.0"]

    @pytest.mark.parametrize("answer", [{}, {"version": "../x"}, [], b"<html>"])
    def test_a_site_without_a_version_is_reported(self, server: LocalServer, tmp_path: Path, answer: object) -> None:
        serve(server, {f"{D3FEND}/api/version.json": answer})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert "version.json is not a JSON object with the `version` of the newest release" in problem.sentence


class TestFraud:
    kb = HOSTED.named("mitre-f3")

    def bundle(self, version: object) -> dict[str, object]:
        return publishers.bundle({"type": "attack-pattern"}, {"type": "x-mitre-collection", "x_mitre_version": version})

    def test_the_collection_gives_the_newest_release_and_copies_have_the_others(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(server, {f"{F3}/f3-stix.json": self.bundle("1.2"), f"{F3}/f3-stix-v1.1.json": self.bundle("1.1")})
        found = sources(server, tmp_path)
        assert found.fetch(self.kb).label == "1.2"
        assert found.fetch(self.kb, "v1_1").origin.location.endswith("/public/f3-stix-v1.1.json")

    def test_a_copy_of_another_release_is_refused(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{F3}/f3-stix.json": self.bundle("1.3"), f"{F3}/f3-stix-v1.2.json": self.bundle("1.2")})
        found = sources(server, tmp_path)
        assert found.fetch(self.kb).label == "1.3"
        assert found.fetch(self.kb, "1.2").origin.location.endswith("/public/f3-stix-v1.2.json")
        serve(server, {f"{F3}/f3-stix-v1.2.json": self.bundle("1.1")})
        with pytest.raises(SourceUnavailable, match=r"f3-stix-v1\.2\.json: expected release 1\.2, found 1\.1"):
            sources(server, tmp_path).fetch(self.kb, "1.2")

    @pytest.mark.parametrize("version", [None, "one point two", 1.2])
    def test_a_collection_without_a_version_is_reported(
        self, server: LocalServer, tmp_path: Path, version: object
    ) -> None:
        serve(server, {f"{F3}/f3-stix.json": self.bundle(version)})
        [problem] = sources(server, tmp_path).offers([self.kb]).problems
        assert "f3-stix.json: expected a STIX 2.1 bundle with one x-mitre-collection" in problem.sentence

    @pytest.mark.real
    def test_the_real_bundles_give_their_releases(self, server: LocalServer, tmp_path: Path) -> None:
        for name, label in (
            ("kb-primary/f3/f3-stix-v1.1.json.zst", "1.1"),
            ("kb/mitre-f3-repo-data/f3-stix-v1_0.json.zst", "1.0"),
        ):
            serve(server, {f"{F3}/f3-stix.json": read_shared(name)})
            assert sources(server, tmp_path).fetch(self.kb).label == label

    @pytest.mark.real
    def test_the_publishers_bundle_is_the_same_as_in_the_bucket(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{F3}/f3-stix.json": read_shared("kb-primary/f3/f3-stix-v1.1.json.zst")})
        release = sources(server, tmp_path).fetch(self.kb)
        assert json.loads(release.bundle_bytes) == json.loads(
            read_shared("kb/mitre-f3-repo-data/f3-stix-v1_1.json.zst")
        )


class TestAll:
    def test_a_label_that_is_listed_twice_is_fetched_from_its_listed_location(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        listing = publishers.index(ics_attack=["18.1"])
        twice = {"version": "18.1", "url": f"https:/{ATTACK}/older/ics-attack/ics-attack-18.1.json"}
        listing["collections"].append({"id": "x-mitre-collection--2", "versions": [twice]})
        serve(
            server,
            {
                f"{ATTACK}/index.json": listing,
                f"{ATTACK}/ics-attack/ics-attack-18.1.json": publishers.bundle({"type": "x-mitre-tactic"}),
                f"{ATTACK}/older/ics-attack/ics-attack-18.1.json": publishers.bundle(),
            },
        )
        found = sources(server, tmp_path)
        assert labels(found.offers([ICS]), "attack-ics") == ["18.1"]
        release = found.fetch(ICS)
        assert release.origin.location == f"https:/{ATTACK}/ics-attack/ics-attack-18.1.json"
        assert b"x-mitre-tactic" in release.bundle_bytes

    def test_a_file_that_moved_to_another_host_is_reported_and_others_at_its_host_still_work(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(
            server,
            {
                f"{ATTACK}/index.json": publishers.index(ics_attack=["18.1"]),
                f"{ATTACK}/ics-attack/ics-attack-18.1.json": publishers.bundle(),
            },
        )
        server.answers[CAPEC] = status(302, location="https://example.org/capec.json")
        found = sources(server, tmp_path)
        report = found.offers([HOSTED.named("capec"), ICS])
        [problem] = report.problems
        assert problem.knowledge_bases == ("capec",)
        assert "redirects to another server, https://example.org/capec.json: not followed" in problem.sentence
        assert labels(report, "attack-ics") == ["18.1"]
        assert found.fetch(ICS).label == "18.1"

    def test_a_failing_host_affects_only_the_knowledge_bases_that_need_it(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(
            server,
            {
                f"{API}/repos{ATLAS}/tags": [{"name": "v5.0.0"}],
                f"{API}/repos{DISARM}/commits": [publishers.commit("a" * 40, "2025-01-01", "New version V1.6")],
            },
        )
        server.answers[f"{RAW}{ATLAS}/main/CHANGELOG.md"] = status(500)
        report = sources(server, tmp_path).offers([TestAtlas.kb, HOSTED.named("disarm")])
        [problem] = report.problems
        assert problem.knowledge_bases == ("atlas",)
        assert "1.6" in labels(report, "disarm")

    def test_a_list_that_cannot_be_unpacked_is_reported_and_others_still_work(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(server, {CAPEC: publishers.bundle({"x_capec_version": "3.9"})})
        server.answers[f"{ATTACK}/index.json"] = body(b"\x1f\x8b, cut off", content_encoding="gzip")
        report = sources(server, tmp_path).offers([ICS, HOSTED.named("capec")])
        [problem] = report.problems
        assert problem.knowledge_bases == ("attack-ics",)
        assert "index.json: the compressed file is" in problem.sentence
        assert labels(report, "capec") == ["3.9"]

    def test_a_host_that_does_not_answer_is_requested_only_once(
        self, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher_web, "ANSWER_SECONDS", 0.3)
        serve(server, {f"{D3FEND}/api/version.json": {"version": "1.6.0"}})
        server.otherwise = silence(server)
        found = sources(server, tmp_path, download_timeout=0.3)
        report = found.offers(ALL)
        assert labels(report, "d3fend") == ["1.6.0"]
        raw = [path for path in server.requested if path.startswith(RAW)]
        assert raw == [f"{ATTACK}/index.json"]
        concerned = next(problem for problem in report.problems if "attack-ics" in (problem.knowledge_bases or ()))
        assert concerned.knowledge_bases == (
            "attack-enterprise",
            "attack-mobile",
            "attack-ics",
            "capec",
            "atlas",
            "mitre-f3",
        )
        before = len(server.requested)
        with pytest.raises(SourceUnavailable, match="sent nothing for"):
            found.fetch(ICS)
        assert len(server.requested) == before

    def test_files_can_still_be_fetched_from_a_slow_host(
        self, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serve(
            server,
            {
                f"{ATTACK}/index.json": publishers.index(ics_attack=["18.1"]),
                f"{ATTACK}/ics-attack/ics-attack-18.1.json": publishers.bundle(),
            },
        )
        found = sources(server, tmp_path)
        assert found.best(ICS).label == "18.1"
        monkeypatch.setattr(publisher_web, "LIST_SECONDS", 0.5)
        server.answers[CAPEC] = endless(server, b" ", 0.05)
        [slow] = found.offers([HOSTED.named("capec"), HOSTED.named("mitre-f3")]).problems
        assert "took longer than 0.5 seconds" in slow.sentence
        assert slow.knowledge_bases == ("capec", "mitre-f3"), "its lists are not requested any more"
        assert found.fetch(ICS, "18.1").label == "18.1"

    def test_a_preview_is_the_newest_release_only_if_there_is_no_other(
        self, server: LocalServer, tmp_path: Path
    ) -> None:
        serve(
            server,
            {f"{ATTACK}/index.json": publishers.index(ics_attack=["19.0-beta", "18.1"], mobile_attack=["20.0-beta"])},
        )
        found = sources(server, tmp_path)
        assert found.best(ICS).label == "18.1"
        assert found.every_label(ICS) == (["19.0-beta", "18.1"], [])
        assert found.best(HOSTED.named("attack-mobile")).label == "20.0-beta"

    def test_only_sources_named_in_the_settings_are_used(self, server: LocalServer, tmp_path: Path) -> None:
        own_bucket = publishers.settings(server, data_dir=tmp_path, sources="", bucket=str(tmp_path))
        Sources(own_bucket).offers(ALL)
        packages_only = publishers.settings(server, data_dir=tmp_path, sources="builtin,snapshot")
        Sources(packages_only).offers(ALL)
        assert server.requested == []

    def test_publishers_come_first_by_default(self) -> None:
        for kb in ALL:
            assert kb.sources == ("publisher", "bucket", "snapshot", "built-in")

    def test_every_knowledge_base_names_its_publishers_place(self) -> None:
        assert {kb.slug for kb in ALL if not kb.at_publisher} == {"location", "sector", "tlp"}

    def test_a_single_source_can_be_chosen(self, server: LocalServer, tmp_path: Path) -> None:
        serve(server, {f"{ATTACK}/index.json": publishers.index(ics_attack=["18.1"])})
        everyone = sources(server, tmp_path, sources="builtin")
        assert everyone.restricted_to("publisher").best(ICS).label == "18.1"
        with pytest.raises(NotFound):
            everyone.restricted_to("builtin").best(ICS)

    def test_several_jobs_from_a_single_source_need_one_list(self, server: LocalServer, tmp_path: Path) -> None:
        server.otherwise = silence(server)
        everyone = sources(server, tmp_path, sources="builtin", download_timeout=0.2)
        for label in ("18.1", "18.0"):
            with pytest.raises(SourceUnavailable, match="sent nothing for"):
                everyone.restricted_to("publisher").fetch(ICS, label)
        assert len(server.requested) == 1
