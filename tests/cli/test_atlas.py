"""ATLAS on the command line, installed from its publisher's two places, with case studies and their steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.publishers.atlas_files import asset, manifest, release, written
from tests.publishers.publishers import API, RAW, serve
from tests.publishers.server import LocalServer, status

DIST = f"{RAW}/mitre-atlas/atlas-data/main/dist"
ASSET = "/github.com/mitre-atlas/atlas-data/releases/download/v{}/stix-atlas.json"
OLDER = f"{RAW}/mitre-atlas/atlas-navigator-data/v5.6.0/dist/stix-atlas.json"
STEPS = ["step id: S00", "step id: S01", "step id: S02"]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """The publisher: 2026.09 with a bundle, 2026.08 as YAML only, 5.6.0 at the older place."""
    with LocalServer().running() as local:
        serve(
            local,
            {
                f"{DIST}/manifest.yaml": manifest("2026.09", "2026.08"),
                f"{DIST}/v6/ATLAS-2026.09.yaml": written(release()),
                f"{DIST}/v6/ATLAS-2026.08.yaml": written(release("2026.08")),
                ASSET.format("2026.09"): asset(release()),
                f"{API}/repos/mitre-atlas/atlas-navigator-data/tags": [{"name": "v5.6.0"}],
                OLDER: asset(release("5.6.0")),
            },
        )
        yield local


@pytest.fixture
def at(server: LocalServer) -> dict[str, str]:
    return {
        "CTIBUTLER_PUBLISHERS_URL": server.url,
        "CTIBUTLER_SOURCES": "publisher",
        "CTIBUTLER_DOWNLOAD_RETRIES": "0",
    }


def steps(command: Command, *options: str) -> list[str]:
    """The steps that `get --detail` shows, in its order."""
    lines = command.done("get", "AML.CS0059", "--detail", *options).stdout.splitlines()
    return [line.strip(" -") for line in lines if "step id: " in line]


def test_the_newest_release_comes_from_the_new_place_with_its_details(command: Command, at: dict[str, str]) -> None:
    installed = command.done("install", "atlas", **at)
    assert "atlas 2026.09: installed from publisher: 8 objects" in installed.stdout
    assert steps(command) == STEPS
    shown = command.done("get", "aml.cs0059", "--detail").stdout.splitlines()
    assert "actor             Somebody" in shown
    assert "    tactic: Resource Development" in shown
    listed = command.done("list", "atlas", "--type", "Case Study").stdout
    assert "AML.CS0059" in listed
    assert "Case Study" in listed


def test_all_installs_every_release_of_both_places(command: Command, at: dict[str, str]) -> None:
    outcome = command.done("install", "atlas@all", **at)
    assert "releases/download/v2026.08/stix-atlas.json does not exist; converted from" in outcome.stderr
    listed = command.done("versions", "atlas", "--json").json["atlas"]["releases"]
    assert [one["version"] for one in listed] == ["2026.09", "2026.08", "5.6.0"]
    assert [one["origin"]["converter"] for one in listed] == [None, "atlas-yaml", None]
    assert steps(command, "--release", "2026.08") == STEPS


def test_details_are_mirrored_too(command: Command, at: dict[str, str]) -> None:
    command.done("mirror", "kb", "atlas", **at)
    names = {path.name for path in (command.folder / "kb" / "mitre-atlas-repo-data").iterdir()}
    assert "mitre-atlas-details-v2026_09.json.zst" in names
    elsewhere = Command(command.folder / "elsewhere", str(command.folder / "kb"))
    elsewhere.folder.mkdir()
    elsewhere.done("install", "atlas")
    assert steps(elsewhere) == STEPS


def test_the_publishers_yaml_can_be_installed_from_a_local_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "ATLAS-2026.09.yaml"
    file.write_bytes(written(release()))
    command.done("install", "atlas@2026.09", "--from", file)
    assert steps(command) == STEPS
    refused = command("install", "atlas@2026.10", "--from", file)
    assert refused.code == 1
    assert "ATLAS YAML: collection: version: expected 2026.10, found 2026.09" in refused.stdout + refused.stderr


def test_an_older_release_installed_because_the_new_place_fails_comes_with_a_warning(
    command: Command, server: LocalServer, at: dict[str, str]
) -> None:
    server.answers[f"{DIST}/manifest.yaml"] = status(404)
    outcome = command.done("install", "atlas", **at)
    assert "atlas 5.6.0" in outcome.stdout
    warning = " ".join(outcome.stderr.split())
    assert "atlas: 5.6.0 is the newest release found, but not all releases could be listed" in warning
    assert "manifest.yaml does not exist: expected a list of ATLAS releases in YAML" in warning
