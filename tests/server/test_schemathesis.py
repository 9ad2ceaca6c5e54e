"""schemathesis sends a running server everything that its schema allows and forbids, and finds no failure."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

from tests.catalogue import catalogue_with
from tests.server.serving import Server, running

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("schemathesis")]

# Seconds for each run; an environment variable makes it longer.
BUDGET = int(os.environ.get("CTIBUTLER_TEST_FUZZ_SECONDS", "40"))
# A fixed seed makes runs repeatable; another one sends other requests.
SEED = os.environ.get("CTIBUTLER_TEST_FUZZ_SEED", "2026")

# Aliases are not in the schema. Two of them are extra methods of a path that is: these checks would report them.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "413", "415"]

[[operations]]
include-path-regex = "^/api/v1/([a-z0-9-]+/|jobs/)$"
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false

# What a schema cannot say: relevance needs a text, a layer an object of some types, inference techniques that are known,
# a question ids, kinds and ways that there are, a path two ids, a workbook all of a release, changes by outcome their view,
# a migration a file that can be read.
[[operations]]
include-path-regex = "/(search|navigator|tie|compare|paths|migrate|{question}|versions/{version}/(bundle|changes))/$"
checks.positive_data_acceptance.enabled = false

# A parameter without a name is ignored, as others that are unknown.
[[operations]]
include-path-regex = "/migrate/$"
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for schemathesis only, which may remove anything."""
    releases = ("attack-ics@17.0", "capec@3.9", "location@1.0", "sector@1.0", "tlp@1", "tlp@2")
    with (
        catalogue_with("sqlite", tmp_path_factory.mktemp("fuzzed"), *releases) as database,
        running(database) as server,
    ):
        yield server


@pytest.mark.parametrize(
    ("paths", "excluded"),
    [
        ("^/api/v1/attack-ics/", "^delete_"),
        ("^/api/v1/(objects|search|knowledge-bases|updates|jobs|arango-cti-processor)/|^/api/[^v]", "^$"),
        ("^/api/v1/(location|sector|jobs)/", "^$"),
    ],
    ids=["a knowledge base", "over all", "with removal"],
)
def test_schemathesis_finds_no_failure(fuzzed: Server, tmp_path: Path, paths: str, excluded: str) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    options = ["--include-path-regex", paths, "--exclude-operation-id-regex", excluded, "--max-time", str(BUDGET)]
    options += ["--seed", SEED, "--continue-on-failure", "--workers", "1", "--no-color", "--warnings", "off"]
    program = Path(sys.executable).with_name("schemathesis")
    address = f"http://127.0.0.1:{fuzzed.port}/api/schema/?format=json"
    ended = run([program, "run", address, *options], cwd=tmp_path, capture_output=True, text=True, timeout=BUDGET * 10)
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]
    assert fuzzed.get("/api/healthcheck/").status_code == 204
