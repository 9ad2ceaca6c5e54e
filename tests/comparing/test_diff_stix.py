"""MITRE's own comparison of ATT&CK releases, `diff_stix` of mitreattack-python, beside ours."""

from __future__ import annotations

import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.comparing.judging import Judged
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import bundle_path
from tests.shared import read_shared

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("between")]

# What diff_stix looks at.
COMPARED = {
    "attack-pattern", "malware", "tool", "intrusion-set", "campaign", "x-mitre-asset", "course-of-action",
    "x-mitre-data-source", "x-mitre-data-component", "x-mitre-detection-strategy", "x-mitre-analytic",
}  # fmt: skip
# Its sections of objects that live on.
VERSIONS = ("major_version_changes", "minor_version_changes", "other_version_changes")

PAIRS = [
    pytest.param("attack-ics", "17.0", "17.1"),
    *(
        pytest.param(slug, old, new, marks=pytest.mark.slow)
        for slug, old, new in (
            ("attack-ics", "16.1", "18.1"),
            ("attack-mobile", "14.1", "17.0"),
            ("attack-mobile", "17.1", "18.1"),
            ("attack-enterprise", "16.1", "17.0"),
            ("attack-enterprise", "17.1", "18.1"),
        )
    ),
]


def sections(folder: Path, slug: str, old: str, new: str) -> dict[str, list[dict[str, Any]]]:
    """The objects in each section of what diff_stix finds."""
    from mitreattack.diffStix.changelog_helper import DiffStix

    domain = f"{slug.removeprefix('attack-')}-attack"
    for side, label in (("old", old), ("new", new)):
        (folder / side).mkdir()
        (folder / side / f"{domain}.json").write_bytes(read_shared(f"kb/{bundle_path(slug, label)}.zst"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = DiffStix(domains=[domain], old=str(folder / "old"), new=str(folder / "new"), unchanged=True)
    merged: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for by_domain in found.data["changes"].values():
        for section, objects in by_domain[domain].items():
            merged[section] += objects
    return merged


def ids(objects: list[dict[str, Any]]) -> set[str]:
    return {stix["id"] for stix in objects}


@pytest.mark.parametrize(("slug", "old", "new"), PAIRS)
def test_diff_stix_finds_the_same(between_library: Library, tmp_path: Path, slug: str, old: str, new: str) -> None:
    theirs = sections(tmp_path, slug, old, new)
    kb = HOSTED.named(slug)
    with between_library.database.read() as connection:
        before, after = [installed_release(connection, kb, label) for label in (old, new)]
        ours = between_library.judged.judge(connection, kb, before, after)
    olds = {stix_id: entry for stix_id, entry in ours.old.by_id.items() if entry.type in COMPARED}
    news = {stix_id: entry for stix_id, entry in ours.new.by_id.items() if entry.type in COMPARED}
    outcomes = {stix_id: ours.outcomes[stix_id] for stix_id in olds}

    # Objects that came and went. What came may be the heir of what went: ours says so, theirs does not.
    heirs = {outcome.new_stix_id for outcome in outcomes.values()}
    assert ids(theirs["additions"]) == {entry.stix_id for entry in ours.added if entry.type in COMPARED} | (
        (news.keys() - olds.keys()) & heirs
    )
    assert ids(theirs["deletions"]) == olds.keys() - news.keys()
    for stix_id in ids(theirs["deletions"]):
        assert outcomes[stix_id].outcome in ("gone", "renumbered", "reissued", "merged", "demoted"), outcomes[stix_id]

    # Objects that died.
    both = olds.keys() & news.keys()
    revoked = {one for one in both if news[one].revoked and not olds[one].revoked}
    told = {stix["id"]: stix["revoked_by"]["id"] for stix in theirs["revocations"]}
    # Without a relationship in the new release they only log an error; ours looks into the other releases.
    assert told.keys() == {one for one in revoked if any(hop.source == one for hop in hops(ours, one, new))}
    for stix_id, successor in told.items():
        assert outcomes[stix_id].new_stix_id == successor or not news[successor].is_live, outcomes[stix_id]
    deprecated = {one for one in both if news[one].deprecated and not news[one].revoked and not olds[one].deprecated}
    assert ids(theirs["deprecations"]) == deprecated
    assert {outcomes[one].outcome for one in deprecated} <= {"deprecated"}

    # Objects that live on. Theirs trusts version numbers and `modified`; ours reads the contents.
    changed = set().union(*(ids(theirs[section]) for section in (*VERSIONS, "patches")))
    unchanged = ids(theirs["unchanged"])
    living = {one for one in both if news[one].is_live}
    assert changed | unchanged == living
    for stix_id in living:
        is_same = outcomes[stix_id].outcome == "unchanged"
        same_time = olds[stix_id].modified == news[stix_id].modified
        if is_same:
            assert stix_id in unchanged, outcomes[stix_id]
        elif stix_id in unchanged:
            assert same_time, outcomes[stix_id]
    silent = {one for one in living if "silent" in outcomes[one].also}
    assert {one for one in silent if olds[one].modified == news[one].modified} == silent
    if (slug, old, new) == ("attack-enterprise", "17.1", "18.1"):
        # The detection texts that 18.0 took from techniques without a word.
        assert len(silent & unchanged) == 84


def hops(ours: Judged, stix_id: str, label: str) -> list[Any]:
    return [
        hop
        for hop in ours.paths[stix_id].hops
        if hop.release_key == ours.new.release.key and ours.new.release.label == label
    ]
