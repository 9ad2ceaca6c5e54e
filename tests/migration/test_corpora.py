"""Real rules and layers, brought from release to release: what is no id stays, and all of it can still be read."""

from __future__ import annotations

import difflib
import itertools
import json
import re
import tomllib
from typing import Any

import pytest
import yaml
from mitreattack.navlayers import Layer

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.between import pairs_of
from ctibutler.migration.files import InputFile, Migrated, Migration, Options
from ctibutler.migration.migrating import migrate
from ctibutler.migration.review import review_rows, review_table
from tests.catalogue import published
from tests.shared import shared_path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("corpora")]
ENTERPRISE = HOSTED.named("attack-enterprise")
SOME = ("15.1", "16.1", "17.0", "17.1", "18.1")
SHORT = (("15.1", "18.1"), ("18.1", "15.1"), ("17.1", "18.1"))


@pytest.fixture
def library(between_library: Library) -> Library:
    return between_library


def corpus() -> list[InputFile]:
    paths = sorted(path for path in shared_path("corpora").rglob("*") if path.is_file() and path.name != "README.md")
    return [InputFile(path.name, path.read_bytes()) for path in paths]


def brought(library: Library, files: list[InputFile], source: str, target: str, **options: Any) -> Migration:
    found = Options(source=source, target=target, **options)
    return migrate(library, ENTERPRISE, files, found, pairs_of(library, ENTERPRISE, ()))


def live_ids(label: str) -> set[str]:
    """The ids of the objects of a release that are neither revoked nor deprecated, read from its file."""
    return {
        reference["external_id"]
        for item in published("attack-enterprise", label)
        if not item.get("revoked") and not item.get("x_mitre_deprecated")
        for reference in item.get("external_references", ())[:1]
        if "external_id" in reference
    }


@pytest.mark.parametrize(("source", "target"), SHORT)
def test_every_file_of_the_corpora_goes_from_release_to_release(library: Library, source: str, target: str) -> None:
    files = corpus()
    migration = brought(library, files, source, target)
    rows = review_rows(migration)
    assert len(rows) == sum(len(file.items) for file in migration.files) > 1000
    assert len({(row.file, row.where, row.id) for row in rows}) == len(rows)
    live = live_ids(target)
    for row in rows:
        if row.handling != "human" and row.new_id and row.outcome != "not_yet":
            assert set(row.new_id.split()) <= live, row
    for file in migration.files:
        check_file(file)
    again = brought(library, [InputFile(file.name, file.after) for file in migration.files], target, target)
    assert [file.after for file in again.files] == [file.after for file in migration.files]


def check_file(file: Migrated) -> None:
    assert file.kind is not None
    if not file.is_changed:
        return
    before, after = file.before.decode(), file.after.decode()
    if file.kind.name == "sigma":
        old, new = (
            [without_tags(one) for one in yaml.load_all(text, Loader=yaml.CSafeLoader)] for text in (before, after)
        )
        assert old == new, file.name
        changed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
        assert all(re.fullmatch(r"[+-] +- attack\.[\w.-]+", line) for line in changed), file.name
    elif file.kind.name == "elastic":
        old_rule, new_rule = tomllib.loads(before), tomllib.loads(after)
        for rule in (old_rule, new_rule):
            rule["rule"].pop("threat")
            rule["rule"]["tags"] = [tag for tag in rule["rule"].get("tags", ()) if not tag.startswith("Tactic: ")]
        assert old_rule == new_rule, file.name
        check_threats(file, tomllib.loads(after))
    else:
        assert file.kind.name == "layer"
        layer = Layer(json.loads(after))
        assert layer.layer.versions.layer == "4.5"
        old_layer, new_layer = json.loads(before), json.loads(after)
        for one in (old_layer, new_layer):
            for key in ("techniques", "version", "versions", "domain"):
                one.pop(key, None)
        assert old_layer == new_layer


def test_pysigma_reads_every_rule(library: Library) -> None:
    collection = pytest.importorskip("sigma.collection", reason="no pySigma (pip install pysigma)")
    rules = [
        file for file in brought(library, corpus(), "15.1", "18.1").files if file.kind and file.kind.name == "sigma"
    ]
    assert len(rules) > 100
    for file in rules:
        [read] = collection.SigmaCollection.from_yaml(file.after.decode()).rules
        assert read.errors == [], file.name
        assert [str(tag) for tag in read.tags] == yaml.safe_load(file.after)["tags"], file.name


def check_threats(file: Migrated, rule: dict[str, Any]) -> None:
    """Every sub-technique stands below its technique, and every page is that of its object."""
    for threat in rule["rule"]["threat"]:
        for technique in threat.get("technique", ()):
            assert technique["reference"].rstrip("/").endswith(technique["id"]), file.name
            for sub in technique.get("subtechnique", ()):
                assert sub["id"].rpartition(".")[0] == technique["id"], file.name
                assert sub["reference"].rstrip("/").endswith(sub["id"].replace(".", "/")), file.name


def without_tags(document: dict[str, Any]) -> dict[str, Any]:
    others = [tag for tag in document.get("tags", ()) if not tag.startswith("attack.")]
    return {**document, "tags": others}


def test_a_file_stays_byte_for_byte_in_its_own_release(library: Library) -> None:
    files = corpus()
    for label in ("15.1", "18.1"):
        migration = brought(library, files, label, label)
        assert [file.after for file in migration.files] == [file.content for file in files]


def test_the_release_of_the_corpora_is_guessed(library: Library) -> None:
    rules = [file for file in corpus() if file.name.endswith((".yml", ".toml"))]
    migration = migrate(library, ENTERPRISE, rules, Options(), pairs_of(library, ENTERPRISE, ()))
    assert {(file.source.version, file.source.guessed) for file in migration.files} == {("18.1", True)}


def test_nothing_in_an_old_layer_is_lost(library: Library) -> None:
    """Scores, colours and comments of every entry are in the new layer, or the review says that it met another one."""
    layers = [file for file in corpus() if file.name.endswith(".json")]
    for file in brought(library, layers, "15.1", "18.1").files:
        entries = json.loads(file.before)["techniques"]
        left = len(json.loads(file.after)["techniques"])
        assert left == len(entries) - len({joined.number for joined in file.joined.values()})
        assert sum(bool(entry.get("comment")) for entry in entries) == 0 or all(
            entry["comment"] in file.after.decode()
            for entry in entries
            if entry.get("comment") and json.dumps(entry["comment"]).isascii() and "\n" not in entry["comment"]
        )


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(SOME, 2)))
def test_every_file_goes_through_every_pair(library: Library, source: str, target: str) -> None:
    for file in brought(library, corpus(), source, target).files:
        check_file(file)


def stating(attack: object, **more: object) -> bytes:
    versions = {"navigator": "5.1.0", "layer": "4.5", **({} if attack is None else {"attack": attack})}
    layer = {"name": "a", "versions": versions, "domain": "enterprise-attack", **more}
    return json.dumps({**layer, "techniques": [{"techniqueID": "T1574.002"}, {"techniqueID": "T1059"}]}).encode()


@pytest.mark.parametrize(
    ("stated", "target", "source", "written"),
    [
        ("15", None, "15.1", "18"),
        (15, None, "15.1", 18),
        ("15.1", None, "15.1", "18.1"),
        (15.1, None, "15.1", 18.1),
        ("v17", "18.1", "17.1", "v18"),
        ("17", "15.1", "17.1", "15"),
        (None, None, "16.1", "18"),
        ("", None, "16.1", "18"),
    ],
)
def test_a_layer_says_its_release_as_it_did_before(
    library: Library, stated: object, target: str | None, source: str, written: object
) -> None:
    options = Options(target=target)
    [file] = migrate(
        library, ENTERPRISE, [InputFile("a", stating(stated))], options, pairs_of(library, ENTERPRISE, ())
    ).files
    assert file.source.version == source
    assert file.source.guessed is (not stated)
    assert json.loads(file.after)["versions"] == {"navigator": "5.1.0", "layer": "4.5", "attack": written}


def test_a_layer_of_a_release_that_is_not_installed_is_an_error(library: Library) -> None:
    [problem] = migrate(
        library, ENTERPRISE, [InputFile("a.json", stating("14"))], Options(), pairs_of(library, ENTERPRISE, ())
    ).broken
    assert str(problem).startswith("a.json: it says that it is of 14, and no such release of attack-enterprise")


def test_platforms_that_the_release_does_not_have_are_told_and_kept(library: Library) -> None:
    known = {
        platform
        for item in published("attack-enterprise", "18.1")
        if not item.get("revoked") and not item.get("x_mitre_deprecated")
        for platform in item.get("x_mitre_platforms", ())
    }
    older = {
        platform for item in published("attack-enterprise", "15.1") for platform in item.get("x_mitre_platforms", ())
    }
    assert older - known
    content = stating("15", filters={"platforms": sorted(older)})
    migration = brought(library, [InputFile("a.json", content)], "15.1", "18.1")
    [file] = migration.files
    assert json.loads(file.after)["filters"] == {"platforms": sorted(older)}
    assert [remark.split("`")[1] for remark in file.remarks] == sorted(older - known)
    table = review_table(migration, review_rows(migration))
    reasons = [row.cells[table.columns.index("reason")] for row in table.rows]
    assert [reason for reason in reasons if "platform" in reason] == list(file.remarks)
