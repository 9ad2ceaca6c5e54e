"""Releases exported as bundles: equal to what was published, and accepted by other programs that read STIX."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from ctibutler.answers.exports import release_objects
from ctibutler.answers.library import Library
from ctibutler.errors import StoreUnavailable
from ctibutler.forms.stix_bundle import release_as_bundle
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import ReleaseFile
from tests.answers import plain
from tests.answers.walking import listed
from tests.catalogue import (
    Catalogues,
    bundle_path,
    file_of,
    install,
    installed_labels,
    made_content,
    published,
    releases_on,
)
from tests.oasis import verdicts
from tests.shared import read_shared

pytestmark = pytest.mark.real


def exported(library: Library, slug: str, label: str | None = None, **options: Any) -> bytes:
    return b"".join(release_as_bundle(release_objects(library, HOSTED.named(slug), label, **options)))


def only_once(library: Library) -> None:
    """Skip slow tests with other programs on the second engine: exports are equal byte for byte (test_engines)."""
    if library.database.engine != "sqlite":
        pytest.skip("tested on SQLite only")


def test_every_release_is_exported_as_it_was_published(filled_library: Library) -> None:
    for name in releases_on(filled_library.database.engine):
        slug, _, label = name.partition("@")
        if slug == "attack-enterprise" and label != "18.1":
            continue
        bundle = json.loads(exported(filled_library, slug, label))
        assert bundle["objects"] == plain.contents(slug, label), name
        assert [list(stix) for stix in bundle["objects"][:50]] == [
            list(stix) for stix in plain.contents(slug, label)[:50]
        ]
        assert bundle["id"] == json.loads(read_shared(f"kb/{bundle_path(slug, label)}.zst"))["id"]
        assert bundle.keys() == {"type", "id", "objects"}


@pytest.mark.parametrize(
    "name", ["attack-ics@17.0", "atlas@5.2.0", "capec@3.9", "tlp@2", "location@1.0", "d3fend@1.2.0"]
)
def test_a_release_imported_from_its_export_has_equal_objects(
    filled_library: Library, catalogues: Catalogues, name: str
) -> None:
    slug, _, label = name.partition("@")
    bundle = exported(filled_library, slug, label)
    content = file_of(slug, label, bundle, "export.json")
    library = Library(catalogues.empty(), HOSTED)
    install(library.database, name, content)
    assert exported(library, slug) == bundle
    assert {plain.same(stix) for stix in listed(library, slug)} == {
        plain.same(stix) for stix in plain.listed(slug, label)
    }
    digests = [release_objects(one, HOSTED.named(slug), label).digest for one in (filled_library, library)]
    assert digests[0] == digests[1]


def test_derived_relationships_are_appended_on_request(contract_library: Library) -> None:
    for slug in ("atlas", "attack-ics", "location", "disarm"):
        whole = json.loads(exported(contract_library, slug, include_derived=True))["objects"]
        label = {"atlas": "4.9.0", "attack-ics": "17.0", "location": "1.0", "disarm": "1.6"}[slug]
        objects = plain.contents(slug, label)
        assert whole[: len(objects)] == objects
        derived = [sro for family, sro in plain.all_sros(slug, label) if family != "native"]
        assert sorted(map(plain.same, whole[len(objects) :])) == sorted(map(plain.same, derived))


def test_types_filter_an_export_and_change_its_digest(filled_library: Library) -> None:
    kb = HOSTED.named("attack-ics")
    part = json.loads(exported(filled_library, "attack-ics", "18.1", types=["malware", "tool"]))["objects"]
    assert part == [stix for stix in plain.contents("attack-ics", "18.1") if stix["type"] in ("malware", "tool")]
    variants: list[dict[str, Any]] = [
        {},
        {"types": ["malware"]},
        {"types": ["malware", "tool"]},
        {"include_derived": True},
        {"include_derived": True, "types": ["relationship"]},
    ]
    digests = [release_objects(filled_library, kb, "18.1", **one).digest for one in variants]
    assert len(set(digests)) == len(variants)


@pytest.mark.parametrize("slug", ["atlas", "mitre-f3", "sector", "tlp"])
def test_the_oasis_validator_judges_an_export_as_it_judges_the_publishers_file(
    filled_library: Library, slug: str
) -> None:
    only_once(filled_library)
    label = installed_labels(filled_library.database.engine, slug)[-1]
    bundle = json.loads(exported(filled_library, slug, label))
    original = json.loads(read_shared(f"kb/{bundle_path(slug, label)}.zst"))
    assert verdicts(bundle) == verdicts({**original, "objects": plain.contents(slug, label)})


def test_mitreattack_python_loads_an_export_and_counts_the_same(filled_library: Library, tmp_path: Path) -> None:
    only_once(filled_library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mitreattack.stix20 import MitreAttackData

        def counts(path: Path) -> dict[str, Any]:
            data = MitreAttackData(str(path))
            return {
                "techniques": sorted(item.id for item in data.get_techniques()),
                "groups": len(data.get_groups()),
                "software": len(data.get_software()),
                "mitigations": len(data.get_mitigations(remove_revoked_deprecated=True)),
                "assets": len(data.get_assets()),
                "campaigns": len(data.get_campaigns()),
                "used by groups": {
                    key: len(value) for key, value in data.get_all_techniques_used_by_all_groups().items()
                },
            }

        ours, theirs = tmp_path / "ours.json", tmp_path / "theirs.json"
        ours.write_bytes(exported(filled_library, "attack-ics", "18.1"))
        theirs.write_bytes(read_shared(f"kb/{bundle_path('attack-ics', '18.1')}.zst"))
        counted = counts(ours)
        assert counted == counts(theirs)
    assert len(counted["techniques"]) == sum(
        stix["type"] == "attack-pattern" for stix in published("attack-ics", "18.1")
    )


def test_a_release_that_is_replaced_while_it_is_read_never_mixes_two_contents(catalogues: Catalogues) -> None:
    def tools(word: str) -> ReleaseFile:
        return made_content([{"type": "tool", "id": f"tool--{word}-{number}", "name": word} for number in range(1200)])

    database = catalogues.empty()
    install(database, "atlas@1", tools("old"))
    found = release_objects(Library(database, HOSTED), HOSTED.named("atlas"), None)
    portions = iter(found.portions)
    assert all(b'"old"' in item for item in next(portions))
    truncate(database, HOSTED.named("atlas"))
    # The keys of the removed objects are used again.
    install(database, "atlas@1", tools("new"))
    with pytest.raises(StoreUnavailable, match=r"atlas 1 has changed while it was read"):
        next(portions)
