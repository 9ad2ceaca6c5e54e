"""What no real release has, in made-up ones: paths that part, end, circle or are told elsewhere, and tactics that change."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ctibutler.answers.migrations import tactic_flow
from ctibutler.importing.removal import remove_release
from tests.comparing.made_up import (
    KB,
    deprecated,
    installed,
    made,
    revoked,
    revoked_by,
    stix_id,
    tactic,
    technique,
    told,
)

WHEN = "2025-01-01T00:00:00.000Z"
ONE, TWO, THREE, FOUR = (technique(f"T090{number}") for number in (1, 2, 3, 4))


def test_two_successors_split_an_object(catalogues: Any) -> None:
    library = installed(
        catalogues.empty(),
        [ONE, TWO, THREE],
        [revoked(ONE), TWO, THREE, revoked_by(ONE, TWO), revoked_by(ONE, THREE)],
    )
    (found,) = told(library, "1.0", "2.0", "T0901")
    assert (found.outcome, found.handling, found.new_id) == ("split", "human", None)
    assert [(one.id, one.score, one.why) for one in found.candidates[:2]] == [
        ("T0902", 0.95, "successor"),
        ("T0903", 0.95, "successor"),
    ]
    assert sum(one.kind == "revoked-by" for one in found.evidence) == 2
    assert found.reason == "Revoked in 2.0 in favour of several: T0902 Method T0902 and T0903 Method T0903."


def test_two_ways_to_one_object_split_nothing(catalogues: Any) -> None:
    hops = [revoked_by(ONE, TWO), revoked_by(ONE, THREE), revoked_by(TWO, FOUR), revoked_by(THREE, FOUR)]
    library = installed(catalogues.empty(), [ONE, FOUR], [revoked(ONE), revoked(TWO), revoked(THREE), FOUR, *hops])
    (found,) = told(library, "1.0", "2.0", "T0901")
    assert (found.outcome, found.handling, found.new_id) == ("merged", "look", "T0904")
    assert {one.id for one in found.evidence if one.kind == "revoked-by"} == {hop["id"] for hop in hops}


def test_a_circle_ends(catalogues: Any) -> None:
    circle = [revoked(ONE), revoked(TWO), revoked_by(ONE, TWO), revoked_by(TWO, ONE)]
    library = installed(catalogues.empty(), [ONE, TWO, THREE], [*circle, THREE])
    found = told(library, "1.0", "2.0", "T0901", "T0902", "T0903")
    assert [(one.outcome, one.new_id) for one in found] == [
        ("dead_end", None),
        ("dead_end", None),
        ("unchanged", "T0903"),
    ]
    itself = installed(catalogues.empty(), [ONE, TWO], [revoked(ONE), TWO, revoked_by(ONE, ONE)])
    assert told(itself, "1.0", "2.0", "T0901")[0].outcome == "dead_end"


def test_a_circle_with_a_way_out_is_left(catalogues: Any) -> None:
    hops = [revoked_by(ONE, TWO), revoked_by(TWO, ONE), revoked_by(TWO, THREE)]
    library = installed(catalogues.empty(), [ONE, TWO, THREE], [revoked(ONE), revoked(TWO), THREE, *hops])
    assert [one.new_id for one in told(library, "1.0", "2.0", "T0901", "T0902")] == ["T0903", "T0903"]


def test_a_missing_successor_is_a_dead_end_and_a_deprecated_one_needs_a_human(catalogues: Any) -> None:
    hops = [revoked_by(ONE, stix_id("never made")), revoked_by(TWO, THREE)]
    library = installed(catalogues.empty(), [ONE, TWO, THREE], [revoked(ONE), revoked(TWO), deprecated(THREE), *hops])
    missing, dead = told(library, "1.0", "2.0", "T0901", "T0902")
    assert (missing.outcome, missing.handling, missing.new_id) == ("dead_end", "human", None)
    assert missing.reason == "Revoked in 2.0, and no installed release names a live successor."
    assert (dead.outcome, dead.handling, dead.new_id) == ("deprecated", "human", None)
    assert dead.reason == "Revoked in 2.0 in favour of T0903 Method T0903, which 2.0 deprecates."


def test_several_hops_are_followed_to_their_end(catalogues: Any) -> None:
    hops = [revoked_by(ONE, TWO), revoked_by(TWO, THREE)]
    library = installed(catalogues.empty(), [ONE], [revoked(ONE), revoked(TWO), THREE, *hops])
    (found,) = told(library, "1.0", "2.0", "T0901")
    assert (found.outcome, found.handling, found.new_id) == ("renumbered", "automatic", "T0903")
    assert [one.id for one in found.evidence if one.kind == "revoked-by"] == [hop["id"] for hop in hops]


def test_relationships_that_are_dead_themselves_count_only_if_all_are(catalogues: Any) -> None:
    hops = [revoked_by(ONE, TWO, x_mitre_deprecated=True), revoked_by(ONE, THREE), revoked_by(FOUR, TWO, revoked=True)]
    library = installed(catalogues.empty(), [ONE, FOUR], [revoked(ONE), TWO, THREE, revoked(FOUR), *hops])
    assert [one.new_id for one in told(library, "1.0", "2.0", "T0901", "T0904")] == ["T0903", "T0902"]


def test_a_release_that_names_no_successor_is_told_by_the_nearest_one_and_only_that_answer_rests_on_it(
    catalogues: Any,
) -> None:
    database = catalogues.empty()
    rest = [revoked(ONE), TWO, THREE, FOUR]
    library = installed(database, [*rest, revoked_by(ONE, TWO)], rest, [*rest, revoked_by(ONE, THREE)])

    def answers() -> list[tuple[str, str, str | None]]:
        return [(one.outcome, one.handling, one.new_id) for one in told(library, "2.0", "2.0", "T0901", "T0904")]

    kept = ("unchanged", "automatic", "T0904")
    (lower,) = told(library, "2.0", "2.0", "T0901")
    assert answers() == [("renumbered", "look", "T0902"), kept]
    assert [one.version for one in lower.evidence if one.kind == "revoked-by"] == ["1.0"]
    assert lower.reason.endswith("2.0 does not say so any more: 1.0 does.")
    remove_release(database, KB, "1.0")
    (higher,) = told(library, "2.0", "2.0", "T0901")
    assert answers() == [("renumbered", "look", "T0903"), kept]
    assert [one.version for one in higher.evidence if one.kind == "revoked-by"] == ["3.0"]
    remove_release(database, KB, "3.0")
    assert answers() == [("dead_end", "human", None), kept]


def test_what_is_gone_has_an_heir_if_another_release_names_one(catalogues: Any) -> None:
    library = installed(catalogues.empty(), [revoked(ONE), TWO, revoked_by(ONE, TWO)], [TWO])
    (found,) = told(library, "1.0", "2.0", "T0901")
    assert (found.outcome, found.handling, found.new_id) == ("renumbered", "look", "T0902")


def test_the_order_of_imports_does_not_matter(catalogues: Any) -> None:
    hops = [revoked_by(ONE, TWO), revoked_by(ONE, THREE)]
    contents = ([ONE, TWO, THREE], [revoked(ONE), TWO, THREE, *hops], [revoked(ONE), revoked(TWO), THREE, hops[0]])
    ids = ("T0901", "T0902", "T0903", "t0904", "nothing")
    seen = []
    for order in ((0, 1, 2), (2, 0, 1)):
        library = installed(catalogues.empty(), *contents, order=order)
        seen.append([told(library, *pair, *ids) for pair in itertools.product(("1.0", "2.0", "3.0"), repeat=2)])
    assert seen[0] == seen[1]


def test_a_technique_and_an_old_mitigation_share_a_number(catalogues: Any) -> None:
    mitigation = deprecated(made("T0901", "Method T0901 Mitigation", "Do not.", stix_type="course-of-action"))
    library = installed(
        catalogues.empty(), [mitigation, ONE, TWO], [mitigation, revoked(ONE), TWO, revoked_by(ONE, TWO)]
    )
    found = told(library, "1.0", "2.0", "T0901", mitigation["id"])
    assert [(one.type, one.new_id) for one in found] == [("attack-pattern", "T0902"), ("course-of-action", None)]
    again = told(library, "2.0", "2.0", "T0901")
    assert [(one.type, one.new_id) for one in again] == [("attack-pattern", "T0902")]


def test_two_live_objects_with_a_number_are_ambiguous_only_if_they_part(catalogues: Any) -> None:
    twin = technique("T0901", key="twin", name="Another method")
    parting = installed(catalogues.empty(), [ONE, twin, TWO], [revoked(ONE), twin, TWO, revoked_by(ONE, TWO)])
    (found,) = told(parting, "1.0", "2.0", "T0901")
    assert (found.outcome, found.handling, found.new_id) == ("ambiguous", "human", None)
    assert {one.id for one in found.evidence} == {ONE["id"], twin["id"]}
    assert {(one.id, one.why) for one in found.candidates} == {("T0901", "successor"), ("T0902", "successor")}
    together = installed(catalogues.empty(), [ONE, twin], [ONE, twin])
    assert told(together, "1.0", "2.0", "T0901")[0].outcome == "unchanged"


def test_a_new_object_under_the_old_number_is_the_same_or_another_one(catalogues: Any) -> None:
    same, other = (
        technique("T0901", key="again"),
        technique("T0902", key="other", name="Flooding", description="Water comes in."),
    )
    tool = made("S0001", "Wrench", "It turns.", stix_type="malware")
    library = installed(
        catalogues.empty(),
        [ONE, TWO, tool],
        [same, other, {**tool, "type": "tool", "id": stix_id("S0001", "tool")}],
    )
    reissued, reused, changed = told(library, "1.0", "2.0", "T0901", "T0902", "S0001")
    assert (reissued.outcome, reissued.handling, reissued.new_stix_id) == ("reissued", "automatic", same["id"])
    assert (reused.outcome, reused.handling, reused.new_id) == ("reused", "human", None)
    assert (changed.outcome, changed.new_stix_id) == ("reissued", stix_id("S0001", "tool"))


def test_a_new_name_with_another_text_is_another_definition(catalogues: Any) -> None:
    renamed = {**ONE, "name": "Procedure"}
    redefined = {**TWO, "name": "Flooding", "description": "Water comes in through the roof."}
    library = installed(catalogues.empty(), [ONE, TWO], [renamed, redefined])
    first, second = told(library, "1.0", "2.0", "T0901", "T0902")
    assert (first.outcome, first.handling, first.similarity) == ("renamed", "automatic", 1.0)
    assert (second.outcome, second.handling, second.new_id) == ("redefined", "look", "T0902")


def test_what_was_dead_may_live_again(catalogues: Any) -> None:
    library = installed(catalogues.empty(), [revoked(ONE), deprecated(TWO)], [ONE, TWO])
    found = told(library, "1.0", "2.0", "T0901", "T0902")
    assert [(one.outcome, one.handling, one.also) for one in found] == [("revived", "look", ("stale", "silent"))] * 2


def test_values_that_mean_nothing_change_nothing(catalogues: Any) -> None:
    full = {**ONE, "x_mitre_platforms": [], "revoked": False, "x_mitre_detection": "", "aliases": ["a", "b"]}
    library = installed(
        catalogues.empty(), [{**ONE, "aliases": ["b", "a", "a"]}, TWO], [full, {**TWO, "modified": WHEN}]
    )
    found = told(library, "1.0", "2.0", "T0901", "T0902")
    assert [(one.outcome, one.handling) for one in found] == [("unchanged", "automatic"), ("touched", "automatic")]


def test_an_edit_under_the_same_time_is_silent(catalogues: Any) -> None:
    edited = {**ONE, "description": "Adversaries may apply method T0901 to a controller and to a pump."}
    marked = {**TWO, "description": "Adversaries may apply <b>method</b> T0902 to a controller.(Citation: Nobody)"}
    library = installed(catalogues.empty(), [ONE, TWO], [edited, marked])
    found = told(library, "1.0", "2.0", "T0901", "T0902")
    assert [(one.outcome, one.also) for one in found] == [("edited", ("silent",)), ("touched", ())]


def test_a_tactic_that_becomes_a_new_object_moves_nothing(catalogues: Any) -> None:
    old, new = tactic("TA0103", "evasion-ics", "Evasion"), tactic("TA0103", "evasion", "Evasion", key="new")
    library = installed(
        catalogues.empty(),
        [old, technique("T0901", "evasion-ics"), technique("T0902", "evasion-ics")],
        [new, technique("T0901", "evasion"), technique("T0902", "evasion")],
    )
    found = told(library, "1.0", "2.0", "TA0103", "T0901", "T0902")
    assert [one.outcome for one in found] == ["reissued", "touched", "touched"]
    (fate,) = tactic_flow(library, KB, "1.0", "2.0").fates.values()
    assert fate.heir is not None
    assert (fate.heir.slug, fate.is_split, fate.stays) == ("evasion", False, False)


@pytest.mark.parametrize(("leaving", "is_split"), [(2, False), (3, True)])
def test_a_tactic_is_split_if_enough_techniques_leave_it_for_a_new_one(
    catalogues: Any, leaving: int, is_split: bool
) -> None:
    old, renamed = tactic("TA0103", "evasion", "Evasion"), tactic("TA0103", "stealth", "Stealth")
    new = tactic("TA0199", "impairment", "Impairment")
    numbers = [f"T09{number}" for number in range(10, 22)]
    library = installed(
        catalogues.empty(),
        [old, *(technique(number, "evasion") for number in numbers)],
        [
            renamed,
            new,
            *(
                technique(number, "impairment" if place < leaving else "stealth")
                for place, number in enumerate(numbers)
            ),
        ],
    )
    found, gone, stays = told(library, "1.0", "2.0", "TA0103", numbers[0], numbers[-1])
    assert (found.outcome == "split") == is_split
    assert (found.new_id is None) == is_split
    assert (gone.outcome, gone.handling, gone.new_id) == ("moved", "look", numbers[0])
    assert stays.outcome == "touched"
    if is_split:
        assert [(one.id, one.score, one.why) for one in found.candidates] == [
            ("TA0103", 0.75, "flow"),
            ("TA0199", 0.25, "flow"),
        ]


def test_a_split_tactic_and_a_renumbered_technique_are_followed_together(catalogues: Any) -> None:
    """As in the release after 18.1, without a name in our code."""
    old, stealth = tactic("TA0103", "evasion", "Evasion"), tactic("TA0103", "stealth", "Stealth")
    new = tactic("TA0199", "impairment", "Impairment")
    numbers = [f"T09{number}" for number in range(10, 19)]
    before = [technique(number, "evasion") for number in numbers]
    heir = technique("T0985", "impairment", name=before[0]["name"], description=before[0]["description"])
    after = [
        revoked(before[0]),
        heir,
        revoked_by(before[0], heir),
        *(technique(number, "impairment") for number in numbers[1:3]),
        *(technique(number, "stealth") for number in numbers[3:]),
    ]
    library = installed(catalogues.empty(), [old, *before], [stealth, new, *after])
    whole, moved = told(library, "1.0", "2.0", "TA0103", numbers[0])
    assert (whole.outcome, whole.handling) == ("split", "human")
    assert [(one.id, one.score) for one in whole.candidates] == [("TA0103", 0.67), ("TA0199", 0.33)]
    assert (moved.outcome, moved.new_id) == ("renumbered", "T0985")
    assert "moved" in moved.also
    flow = tactic_flow(library, KB, "1.0", "2.0")
    assert [one.slug for one in flow.before[before[0]["id"]]] == ["evasion"]
    assert [one.slug for one in flow.after[heir["id"]]] == ["impairment"]


def test_techniques_become_sub_techniques_and_the_reverse(catalogues: Any) -> None:
    child = technique("T0902.001", x_mitre_is_subtechnique=True)
    library = installed(
        catalogues.empty(),
        [technique("T0901", x_mitre_is_subtechnique=False), technique("T0903", x_mitre_is_subtechnique=True), TWO],
        [
            revoked(technique("T0901", x_mitre_is_subtechnique=False)),
            child,
            revoked_by(ONE, child),
            {**THREE, "x_mitre_is_subtechnique": False},
            TWO,
        ],
    )
    down, up = told(library, "1.0", "2.0", "T0901", "T0903")
    assert (down.outcome, down.handling, down.new_id) == ("demoted", "automatic", "T0902.001")
    assert (up.outcome, up.handling, up.new_id) == ("promoted", "automatic", "T0903")
