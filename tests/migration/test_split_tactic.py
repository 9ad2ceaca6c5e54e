"""A release that splits a tactic, as nobody has published it: files follow it although no code names anything in it.

Of Enterprise 18.1's tactics and techniques, a next release is made: TA0005 gets another name and short name, every third of its
techniques goes to a new tactic, and a sub-technique is revoked in favour of a new technique.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from ctibutler.migration.between import pairs_of
from ctibutler.migration.files import InputFile, Migrated, Options
from ctibutler.migration.migrating import migrate
from tests.catalogue import Catalogues, install, made_content, published
from tests.shared import shared_path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("split tactic")]
ENTERPRISE = HOSTED.named("attack-enterprise")
OLD, NEW = "18.1", "19.0"
OLD_SLUG, HEIR, GAINED = "defense-evasion", "stealth", "defense-impairment"
NAMES: Final = {HEIR: "Stealth", GAINED: "Defense Impairment"}
NUMBERS: Final = {HEIR: "TA0005", GAINED: "TA0112"}
RENUMBERED = {"T1562.001": "T1685"}
Objects = list[dict[str, Any]]


def number_of(item: dict[str, Any]) -> str:
    return str(item["external_references"][0]["external_id"])


def slugs_of(item: dict[str, Any]) -> list[str]:
    return [phase["phase_name"] for phase in item.get("kill_chain_phases", ())]


def is_live(item: dict[str, Any]) -> bool:
    return not item.get("revoked") and not item.get("x_mitre_deprecated")


def before() -> Objects:
    """Tactics, techniques, and what leads from one technique to another."""
    objects = published("attack-enterprise", OLD)
    kept = [item for item in objects if item["type"] in ("x-mitre-tactic", "attack-pattern", "x-mitre-matrix")]
    return kept + [item for item in objects if item.get("relationship_type") in ("revoked-by", "subtechnique-of")]


def moving(objects: Objects) -> set[str]:
    """The STIX ids of every third technique of the tactic."""
    own = [
        item for item in objects if item["type"] == "attack-pattern" and is_live(item) and OLD_SLUG in slugs_of(item)
    ]
    own.sort(key=number_of)
    return {item["id"] for item in own[::3] if number_of(item) not in RENUMBERED}


def after(objects: Objects) -> Objects:
    objects, gone = copy.deepcopy(objects), moving(objects)
    tactic = next(item for item in objects if item.get("x_mitre_shortname") == OLD_SLUG)
    new_tactic = copy.deepcopy(tactic)
    new_tactic["id"] = "x-mitre-tactic--00000000-0000-4000-8000-000000000112"
    new_tactic["description"] = "The adversary is trying to break what defends."
    for one, slug in ((tactic, HEIR), (new_tactic, GAINED)):
        one["x_mitre_shortname"], one["name"] = slug, NAMES[slug]
        one["external_references"][0]["external_id"] = NUMBERS[slug]
    technique = next(item for item in objects if item["type"] == "attack-pattern" and number_of(item) in RENUMBERED)
    heir = copy.deepcopy(technique)
    heir["id"] = "attack-pattern--00000000-0000-4000-8000-000000001685"
    heir["x_mitre_is_subtechnique"] = False
    heir["external_references"][0]["external_id"] = RENUMBERED[number_of(technique)]
    for item in [*objects, heir]:
        for phase in item.get("kill_chain_phases", ()):
            if phase["phase_name"] == OLD_SLUG:
                phase["phase_name"] = GAINED if item["id"] in gone or item is heir else HEIR
    technique["revoked"] = True
    link = copy.deepcopy(next(item for item in objects if item.get("relationship_type") == "revoked-by"))
    link |= {
        "id": "relationship--00000000-0000-4000-8000-000000001685",
        "source_ref": technique["id"],
        "target_ref": heir["id"],
    }
    return [*objects, new_tactic, heir, link]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Catalogues("sqlite", tmp_path_factory.mktemp("split")) as made:
        database = made.empty()
        objects = before()
        install(database, f"attack-enterprise@{OLD}", made_content(objects))
        install(database, f"attack-enterprise@{NEW}", made_content(after(objects)))
        yield Library(database, HOSTED)


@pytest.fixture(scope="module")
def tactics() -> dict[str, list[str]]:
    """Technique of the old release → the short names of its heir's tactics that stand for the old one, if it had that."""
    objects = before()
    gone = moving(objects)
    found: dict[str, list[str]] = {}
    for item in objects:
        if item["type"] == "attack-pattern" and is_live(item) and OLD_SLUG in slugs_of(item):
            moved = item["id"] in gone or number_of(item) in RENUMBERED
            found[number_of(item)] = [GAINED if moved else HEIR]
    return found


def brought(library: Library, *files: tuple[str, bytes]) -> list[Migrated]:
    given = [InputFile(name, content) for name, content in files]
    options = Options(source=OLD, target=NEW)
    return list(migrate(library, ENTERPRISE, given, options, pairs_of(library, ENTERPRISE)).files)


def corpus(folder: str) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(shared_path(f"corpora/{folder}").iterdir())]


def expected_tags(tags: list[str], tactics: dict[str, list[str]]) -> set[str]:
    """What the tags of a rule become: by hand, without our code."""
    ids = [tag.removeprefix("attack.").upper() for tag in tags if re.fullmatch(r"attack\.t\d+(\.\d+)?", tag)]
    found = {slug for one in ids for slug in tactics.get(one, ())}
    new = set()
    for tag in tags:
        if tag == f"attack.{OLD_SLUG}":
            new |= {f"attack.{slug}" for slug in found} or {tag}
        elif tag.removeprefix("attack.").upper() in RENUMBERED:
            new.add("attack." + RENUMBERED[tag.removeprefix("attack.").upper()].lower())
        else:
            new.add(tag)
    return new


def test_sigma_rules_get_the_tactics_of_their_techniques(library: Library, tactics: dict[str, list[str]]) -> None:
    split = renumbered = alone = 0
    for file in brought(library, *corpus("sigma")):
        old, new = (yaml.load(text, Loader=yaml.CSafeLoader) for text in (file.before, file.after))
        tags = old.pop("tags", [])
        expected = expected_tags(tags, tactics)
        found = new.pop("tags", [])
        assert (set(found), len(found)) == (expected, len(expected)), file.name
        assert old == new, file.name
        split += f"attack.{GAINED}" in expected
        renumbered += "attack.t1685" in expected
        alone += f"attack.{OLD_SLUG}" in expected
        human = [
            item.written for item, one in zip(file.items, file.settled, strict=True) if one.outcome.handling == "human"
        ]
        assert (f"attack.{OLD_SLUG}" in human) == (f"attack.{OLD_SLUG}" in expected), file.name
    assert split >= 10
    assert renumbered >= 1
    assert alone >= 1


def test_a_tactic_alone_needs_a_human_who_sees_where_its_techniques_went(
    library: Library, tactics: dict[str, list[str]]
) -> None:
    [file] = brought(library, ("a.yml", b"title: a\ntags: [attack.defense-evasion]\ndetection: {}\n"))
    [settled] = file.settled
    shares = {slug: sum(own == [slug] for own in tactics.values()) / len(tactics) for slug in (HEIR, GAINED)}
    assert (settled.outcome.outcome, settled.outcome.handling) == ("split", "human")
    flow = [one for one in settled.outcome.candidates if one.why == "flow"]
    assert [(one.id, one.why, one.score) for one in flow] == [
        (NUMBERS[slug], "flow", round(share, 2)) for slug, share in sorted(shares.items(), key=lambda pair: -pair[1])
    ]
    assert file.after == file.before


def test_layer_entries_go_to_the_tactic_that_their_technique_has(
    library: Library, tactics: dict[str, list[str]]
) -> None:
    entries = [
        {"techniqueID": one, "tactic": OLD_SLUG, "score": number, "color": "#abc", "comment": f"c{number}"}
        for number, one in enumerate(sorted(tactics))
    ]
    versions = {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}
    layer = {"name": "a", "versions": versions, "domain": "enterprise-attack", "techniques": entries}
    [file] = brought(library, ("layer.json", json.dumps(layer, indent=1).encode()))
    found = json.loads(file.after)
    assert found["versions"]["attack"] == "19"
    assert found["techniques"] == [
        {
            **entry,
            "techniqueID": RENUMBERED.get(str(entry["techniqueID"]), entry["techniqueID"]),
            "tactic": tactics[str(entry["techniqueID"])][0],
        }
        for entry in entries
    ]
    assert not [one for one in file.settled if one.outcome.handling == "human"]


def test_threats_of_elastic_rules_are_parted_by_tactic(library: Library, tactics: dict[str, list[str]]) -> None:
    parted = tagged = 0
    for file in brought(library, *corpus("elastic")):
        old, new = (tomllib.loads(text.decode())["rule"] for text in (file.before, file.after))
        expected: set[tuple[str, str, str]] = set()
        human = False
        for threat in old["threat"]:
            ids = set(techniques_of(threat))
            tactic = threat["tactic"]["id"]
            goals = sorted({slug for one in ids for slug in tactics.get(one, ())}) if tactic == "TA0005" else []
            parted += len(goals) > 1
            for one in ids:
                # A technique stands in each threat whose tactic it has; what never had the tactic stays in the first.
                own = [slug for slug in tactics.get(one, ()) if slug in goals] or goals[:1]
                # One that only carries sub-techniques goes where they go.
                expected |= {(NUMBERS[slug], NAMES[slug], RENUMBERED.get(one, one)) for slug in own}
                if not goals:
                    expected.add((tactic, threat["tactic"]["name"], RENUMBERED.get(one, one)))
            human |= tactic == "TA0005" and not goals
        found = {
            (threat["tactic"]["id"], threat["tactic"]["name"], one)
            for threat in new["threat"]
            for one in techniques_of(threat)
        }
        assert found == expected, file.name
        handling = {one.outcome.handling for one in file.settled}
        assert not human or "human" in handling, file.name
        if not human and "Tactic: Defense Evasion" in old["tags"]:
            shown = {tag for tag in new["tags"] if tag.startswith("Tactic: ")}
            others = {tag for tag in old["tags"] if tag.startswith("Tactic: ")} - {"Tactic: Defense Evasion"}
            gained = {f"Tactic: {name}" for _, name, _ in expected if name in NAMES.values()}
            # A tag without a threat of its tactic needs a human.
            assert shown == (others | gained if gained else others | {"Tactic: Defense Evasion"}), file.name
            tagged += bool(gained)
    assert tagged >= 5
    assert parted >= 1


def techniques_of(threat: dict[str, Any]) -> Iterator[str]:
    """The techniques that a threat is about: those without sub-techniques, and sub-techniques."""
    for technique in threat.get("technique", ()):
        subs = [sub["id"] for sub in technique.get("subtechnique", ())]
        yield from subs or [technique["id"]]


def test_a_table_and_a_text_follow_too(library: Library) -> None:
    table = b"id,n\r\nT1562.001,1\r\nTA0005,2\r\nT1055,3\r\n"
    text = b"See T1562.001 (https://attack.mitre.org/techniques/T1562/001/), not xT1562.001.\n"
    files = brought(library, ("a.csv", table), ("b.txt", text))
    assert files[0].after == table.replace(b"T1562.001", b"T1685")
    assert files[1].after == b"See T1685 (https://attack.mitre.org/techniques/T1685/), not xT1562.001.\n"
    assert [one.outcome.handling for one in files[0].settled][1] == "human"
