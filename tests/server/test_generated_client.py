"""A client generated from the OpenAPI document is complete and reads real answers."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from subprocess import run
from types import ModuleType
from typing import Any

import pytest

from tests.catalogue import catalogue_with
from tests.server.serving import Server, running

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("generated")]

PACKAGE = "generated_ctibutler_client"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    releases = ("attack-ics@16.1", "attack-ics@17.0", "capec@3.9", "tlp@2")
    with (
        catalogue_with("sqlite", tmp_path_factory.mktemp("generated"), *releases) as database,
        running(database) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def client(served: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The client's package, generated from the server's own schema."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(served.get("/api/schema/?format=json").content)
    (folder / "settings.yml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none"]
    command += ["--output-path", PACKAGE, "--config", "settings.yml", "--fail-on-warning"]
    made = run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder))


def test_every_generated_module_can_be_imported(served: Server, client: ModuleType) -> None:
    names = [module.name for module in pkgutil.walk_packages(client.__path__, f"{PACKAGE}.")]
    for name in names:
        importlib.import_module(name)
    document = served.get("/api/schema/?format=json").json()
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    schemas = {name.lower() for name in document["components"]["schemas"]}
    functions = {name.rpartition(".")[2] for name in names if f"{PACKAGE}.api." in name}
    models = {name.rpartition(".")[2].replace("_", "") for name in names if f"{PACKAGE}.models." in name}
    assert functions >= operations
    # Lists and texts have no model of their own, only their items do.
    assert schemas - models <= {"objectversions", "everywhereversions", "availablereleases", "text"}


def test_a_generated_client_reads_the_answers_of_ten_routes(served: Server, client: ModuleType) -> None:
    base_url = f"http://127.0.0.1:{served.port}"
    with client.Client(base_url=base_url, raise_on_unexpected_status=True) as connected:
        ask_ten_routes(connected)


def ask_ten_routes(connected: Any) -> None:
    def ask(function: str, *path: str, **query: Any) -> Any:
        module = importlib.import_module(f"{PACKAGE}.api.{function}")
        return module.sync(*path, client=connected, **query)

    objects = ask("capec.get_capec_objects", page_size=2, name="injection")
    assert objects.page_results_count == 2
    assert all("injection" in found["name"].lower() for found in objects.objects)
    assert ask("capec.get_capec_objects_by_id", "CAPEC-112").objects[0]["name"] == "Brute Force"
    versions = ask("attack_ics.get_attack_ics_objects_by_id_versions", "T0859")
    assert sorted(label for state in versions for label in state.versions) == ["16.1", "17.0"]
    relationships = ask("attack_ics.get_attack_ics_objects_by_id_relationships", "G0034", relationship_type="uses")
    assert all(found["relationship_type"] == "uses" for found in relationships.relationships)
    layer = ask("attack_ics.get_attack_ics_objects_by_id_navigator", "G0034")
    assert "T0807" in [technique.technique_id for technique in layer.techniques]
    changes = ask("attack_ics.get_attack_ics_versions_by_version_changes", "17.0", change="added")
    assert changes.since == "16.1"
    assert ask("capec.get_capec_versions_installed").latest == "3.9"
    release = ask("attack_ics.get_attack_ics_versions_by_version", "latest")
    assert (release.version, release.origin.source) == ("17.0", "bucket")
    assert ask("search.get_search", text="brute force").total_results_count > 0
    assert [kb.name for kb in ask("knowledge_bases.get_knowledge_bases").knowledge_bases if kb.latest] == [
        "attack-ics",
        "capec",
        "tlp",
    ]
    missing = ask("capec.get_capec_objects_by_id", "CAPEC-99999")
    assert (missing.code, missing.message) == (404, "Not Found")
