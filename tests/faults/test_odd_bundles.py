"""Odd or broken bundles, through the whole import: they are imported, or refused with a reason and no change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctibutler.catalog import releases
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import MalformedFile, Problem
from ctibutler.importing.releases import ImportReport, import_release
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.release_files import ReleaseFile
from tests.faults.small import NAME, place_of, small_bundle, small_bundle_bytes
from tests.faults.stores import content, orphans

ICS = HOSTED.named("attack-ics")


def imported(
    database: Database, bundle: bytes | dict[str, Any], label: str = "9.9", kb: str = "attack-ics"
) -> ImportReport:
    raw = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    file = ReleaseFile.of_bundle(kb, label, raw, source="file", location=NAME, file_name=NAME)
    return import_release(database, HOSTED.named(kb), file)


def imported_or_unchanged(database: Database, bundle: bytes | dict[str, Any], kb: str = "attack-ics") -> str:
    """Import a bundle as release 9.9 and remove it again; returns why it was refused, if it was."""
    before = content(database)
    refusal = ""
    try:
        imported(database, bundle, kb=kb)
    except Problem as problem:
        refusal = str(problem)
        assert content(database) == before
    else:
        assert not orphans(database)
        assert imported(database, bundle, kb=kb).changed is False
        remove_release(database, HOSTED.named(kb), "9.9")
        assert not orphans(database)
    assert len(refusal) < 1024
    return refusal


@pytest.fixture
def filled(store: Database) -> Database:
    """A store that holds the small bundle as ICS 8.0."""
    imported(store, small_bundle_bytes(), "8.0")
    return store


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("modified", "yesterday", "'yesterday'"),
        ("modified", "2020-01-01", "'2020-01-01'"),
        ("modified", "2020-01-01T00:00:00", "'2020-01-01T00:00:00'"),
        ("modified", "2020-13-01T00:00:00Z", "'2020-13-01T00:00:00Z'"),
        ("modified", "", "''"),
        ("modified", 17, "17"),
        ("created", ["2020-01-01T00:00:00Z"], "['2020-01-01T00:00:00Z']"),
        ("created", False, "False"),
        ("created", "9" * 5000, "'9999"),
        ("created", {"a": "b" * 5000}, "{'a': 'bbbb"),
    ],
)
def test_the_message_about_an_invalid_time_says_where_it_is(
    filled: Database, name: str, value: object, found: str
) -> None:
    bundle = small_bundle()
    bundle["objects"][9][name] = value
    before = content(filled)
    with pytest.raises(MalformedFile) as raised:
        imported(filled, bundle)
    assert str(raised.value).startswith(f"{NAME}: objects[9].{name}: expected a timestamp, found {found}")
    assert len(str(raised.value)) < 300
    assert content(filled) == before


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"])
def test_the_first_and_last_possible_times_are_imported(filled: Database, time: str) -> None:
    bundle = small_bundle()
    bundle["objects"][0] |= {"created": time, "modified": time}
    assert imported_or_unchanged(filled, bundle) == ""


ODD: list[Any] = [
    None, True, 0, 7, -1.5, "", "x", "\x00", "a\x00b", "§ 'q\" \\ %_*:|&!()", "é" * 600, "\U0010ffff", [], [[]], [None],
    [7], [{}], [[["x"]]], ["a", {"b": ["c"]}, None], {}, {"a": {"b": [1]}}, {"source_name": 5}, 10**40, "e\u0301\u200b\ufeff",
]  # fmt: skip
INDEXED = [
    "name", "description", "aliases", "x_mitre_aliases", "labels", "external_references", "kill_chain_phases", "revoked",
    "x_mitre_deprecated", "x_mitre_domains", "object_marking_refs", "created_by_ref", "x_mitre_is_subtechnique",
    "x_mitre_shortname", "extensions", "definition", "x_odd_refs", "x_odd_ref", "tactic_refs", "granular_markings",
    "identity_class", "country", "x_capec_status", "spec_version", "x_mitre_contents", "",
]  # fmt: skip


@pytest.mark.parametrize("name", INDEXED)
def test_a_property_of_an_unexpected_json_type_is_imported_unchanged(filled: Database, name: str) -> None:
    bundle = small_bundle()
    for place, stix_object in enumerate(small_bundle()["objects"]):
        for number in range(2):
            copy = deepcopy(stix_object)
            odd = ODD[(place * 2 + number) % len(ODD)]
            # Each has its own id, so that one import covers every value with every type.
            copy["id"] = f"{copy['type']}--00000000-0000-4000-8000-{place:06}{number:06}"
            copy[name] = odd
            bundle["objects"].append(copy)
    for number, odd in enumerate(ODD):
        copy = deepcopy(bundle["objects"][0])
        copy["id"] = f"attack-pattern--00000000-0000-4000-9000-{number:012}"
        copy[name] = odd
        bundle["objects"].append(copy)
    assert imported_or_unchanged(filled, bundle) == ""


ODD_REFERENCES: list[Any] = [
    {"source_name": {"a": 1}, "external_id": ["b"]}, {"source_name": "mitre-attack", "external_id": 5},
    {"source_name": "mitre-attack", "external_id": "T\x001"}, {"source_name": ["mitre-attack"]}, {"external_id": "\x00"},
    {"source_name": "mitre-attack", "external_id": "9" * 6000}, {"source_name": None, "external_id": ""}, 5, None, [],
]  # fmt: skip


@pytest.mark.parametrize("kb", [kb.slug for kb in HOSTED.all])
def test_odd_references_and_names_are_imported_in_every_knowledge_base(store: Database, kb: str) -> None:
    of_kb = HOSTED.named(kb)
    types = [*of_kb.listed_types, "marking-definition", "x-unheard-of"]
    odd = []
    for number, references in enumerate([*([reference] for reference in ODD_REFERENCES), ODD_REFERENCES]):
        for place, stix_type in enumerate(types):
            stix_id = f"{stix_type}--00000000-0000-4000-8000-{place:06}{number:06}"
            odd.append({"type": stix_type, "id": stix_id, "external_references": references, "name": ODD[number]})
    assert imported_or_unchanged(store, {"type": "bundle", "objects": odd}, kb) == ""


@pytest.mark.parametrize(
    "text",
    ["word " * 1_000_000, " ".join(f"w{number}" for number in range(300_000)), "x" * 3_000_000, "é" * 1_000_000],
    ids=["one word", "many words", "one long word", "one long word of other letters"],
)
@pytest.mark.parametrize("name", ["name", "description"])
def test_texts_of_megabytes_are_imported(filled: Database, name: str, text: str) -> None:
    bundle = small_bundle()
    bundle["objects"][0][name] = text
    assert imported_or_unchanged(filled, bundle) == ""


def _noise(length: int) -> str:
    """Incompressible text."""
    pieces = [sha256(f"{length} {number}".encode()).hexdigest() for number in range(length // 64 + 1)]
    return "".join(pieces)[:length]


@pytest.mark.parametrize("length", [600, 3000, 20_000])
def test_values_longer_than_an_index_allows_are_imported(filled: Database, length: int) -> None:
    noise = _noise(length)
    bundle = small_bundle()
    technique = bundle["objects"][place_of(bundle, "attack-pattern")]
    technique["name"] = noise
    technique["aliases"] = technique["labels"] = [noise, noise.upper(), noise + "x"]
    technique["external_references"] = [{"source_name": "mitre-attack", "external_id": noise}]
    technique["created_by_ref"] = f"identity--{noise}"
    technique["object_marking_refs"] = [f"marking-definition--{noise}"]
    technique[f"x_{'n' * length}_ref"] = "tool--1"
    technique[noise] = [{"x_ref": "tool--1"}]
    assert imported_or_unchanged(filled, bundle) == ""


def test_a_name_with_a_nul_character_is_found_without_it(filled: Database) -> None:
    bundle = small_bundle()
    technique = bundle["objects"][place_of(bundle, "attack-pattern")]
    technique |= {"name": "od\x00d", "aliases": ["al\x00ias"], "x\x00": [{"y_ref": "tool--1"}]}
    imported(filled, bundle)
    with filled.read() as connection:
        found = connection.rows("SELECT value FROM exact_name WHERE value IN ('odd', 'alias')")
    assert {row.value for row in found} == {"odd", "alias"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One SQLite store for all examples of the tests below; each leaves it unchanged."""
    from ctibutler.catalog.opening import open_catalogue

    database = open_catalogue(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'store.sqlite'}", HOSTED)
    imported(database, small_bundle_bytes(), "8.0")
    yield database
    database.close()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


PATHS = list(_paths(small_bundle()))
JSON = st.recursive(
    st.sampled_from(ODD) | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
Change = Callable[[Any, Any], None]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(PATHS), st.sampled_from(["delete", "replace", "swap"]), JSON), min_size=1, max_size=4
    )
)
def test_a_real_bundle_with_any_change_is_imported_or_leaves_the_store_unchanged(
    kept: Database, changes: list[tuple[tuple[Any, ...], str, Any]]
) -> None:
    bundle = small_bundle()
    for path, how, value in changes:
        box = bundle
        try:
            for step in path[:-1]:
                box = box[step]
            if how == "delete":
                del box[path[-1]]
            else:
                box[path[-1]] = value if how == "replace" else small_bundle()["objects"][0]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed it
    imported_or_unchanged(kept, bundle)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(small_bundle_bytes())), st.integers(0, 200), st.binary(max_size=20))
def test_a_real_bundle_with_any_changed_bytes_is_imported_or_leaves_the_store_unchanged(
    kept: Database, start: int, length: int, new: bytes
) -> None:
    whole = small_bundle_bytes()
    imported_or_unchanged(kept, whole[:start] + new + whole[start + length :])


def test_the_store_of_the_tests_above_is_unchanged(kept: Database, sqlite_url: str, opened: Any) -> None:
    fresh = opened(sqlite_url)
    imported(fresh, small_bundle_bytes(), "8.0")
    assert content(kept) == content(fresh)
    with kept.read() as connection:
        assert [release.label for release in releases.installed(connection)] == ["8.0"]
        assert connection.value("PRAGMA integrity_check") == "ok"
