"""Comparing two releases of a knowledge base: real ones, checked in plain Python, and made-up ones for other cases."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.catalog import objects, releases
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import Release
from ctibutler.catalog.removal import remove_release
from ctibutler.comparing.differences import Difference, changed_properties, read_content
from ctibutler.comparing.pairs import ComparedPairs
from ctibutler.comparing.releases import Comparison, compare
from tests.answers import plain
from tests.catalogue import Catalogues, install, made_content

WEAKNESS = "weakness--00000000-0000-4000-8000-000000000001"
OTHER = "weakness--00000000-0000-4000-8000-000000000002"
USES = "relationship--00000000-0000-4000-8000-000000000003"


def weakness(stix_id: str = WEAKNESS, **properties: Any) -> dict[str, Any]:
    return {"type": "weakness", "id": stix_id, "name": "Écho", **properties}


def relationship(**properties: Any) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": USES,
        "relationship_type": "related-to",
        "source_ref": WEAKNESS,
        "target_ref": OTHER,
        **properties,
    }


def release(database: Database, label: str) -> Release:
    with database.read() as connection:
        found = releases.find(connection, "cwe", label)
    assert found is not None
    return found


def compared(database: Database, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Comparison:
    install(database, "cwe@1.0", made_content(old))
    install(database, "cwe@2.0", made_content(new))
    with database.read() as connection:
        return compare(connection, release(database, "1.0"), release(database, "2.0"))


def only(comparison: Comparison) -> Difference:
    (difference,) = comparison.differences
    return difference


def changed(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> tuple[str, ...]:
    """The names of the properties that differ."""
    return changed_properties(*([read_content(json.dumps(one).encode()) for one in side] for side in (old, new)))


def test_a_change_names_the_properties_that_differ(catalogues: Catalogues) -> None:
    old = weakness(number=1, flag=True, gone="x", empty=None, phases=[1, 2], same={"a": 1, "b": 2})
    new = weakness(number=1.0, flag=1, came="x", phases=[2, 1], same={"b": 2, "a": 1})
    assert only(compared(catalogues.empty(), [old], [new])).change == "modified"
    assert changed([old], [new]) == ("came", "empty", "flag", "gone", "number", "phases")


def test_another_order_of_keys_is_not_a_change(catalogues: Catalogues) -> None:
    turned = dict(reversed(weakness(nested={"a": 1, "b": 2}).items()))
    comparison = compared(catalogues.empty(), [weakness(nested={"b": 2, "a": 1})], [turned])
    assert comparison.differences == []
    assert comparison.unchanged == {"weakness": 1}


def test_an_id_with_several_contents_is_compared_as_a_set(catalogues: Catalogues) -> None:
    first, second = weakness(a=1, b=1), weakness(a=2, b=2)
    swapped = compared(catalogues.empty(), [first, second], [second, first])
    assert swapped.differences == []
    # Each property has the same values as before, but in other combinations.
    others = [weakness(a=1, b=2), weakness(a=2, b=1)]
    crossed = only(compared(catalogues.empty(), [first, second], others))
    assert (crossed.change, changed([first, second], others)) == ("modified", ())
    assert (len(crossed.before), len(crossed.after)) == (2, 2)
    one_left = only(compared(catalogues.empty(), [first, second], [second]))
    assert (one_left.change, changed([first, second], [second])) == ("modified", ("a", "b"))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({}, {"revoked": True, "x_capec_status": "Deprecated"}, "revoked"),
        ({}, {"x_mitre_deprecated": True}, "deprecated"),
        ({"revoked": True}, {"revoked": True, "x_mitre_deprecated": True}, "deprecated"),
        ({"revoked": True}, {"name": "Other", "revoked": True}, "modified"),
        ({"revoked": True}, {}, "modified"),
    ],
)
def test_the_first_kind_of_change_that_applies_is_reported(
    catalogues: Catalogues, before: dict[str, Any], after: dict[str, Any], change: str
) -> None:
    assert only(compared(catalogues.empty(), [weakness(**before)], [weakness(**after)])).change == change


def test_a_difference_describes_the_later_state_of_an_object(catalogues: Catalogues) -> None:
    reference = {"source_name": "cwe", "external_id": "CWE-7"}
    old = [weakness(), weakness(OTHER, name="Gone", external_references=[{**reference, "external_id": "CWE-8"}])]
    new = [weakness(name="Later", external_references=[reference]), relationship()]
    comparison = compared(catalogues.empty(), old, new)
    differences = {one.id: (one.change, one.type, one.folded_name, one.external_id) for one in comparison.differences}
    assert differences == {
        USES: ("added", "relationship", "", None),
        WEAKNESS: ("modified", "weakness", "later", "CWE-7"),
        OTHER: ("removed", "weakness", "gone", "CWE-8"),
    }
    assert list(differences) == sorted(differences)


def test_the_contents_before_and_after_can_be_read(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    difference = only(compared(database, [weakness(a=1), weakness(a=2)], [weakness(a=3)]))
    with database.read() as connection:
        before = [json.loads(content)["a"] for content in objects.contents(connection, difference.before)]
        after = [json.loads(content)["a"] for content in objects.contents(connection, difference.after)]
    assert (before, after) == ([1, 2], [3])


def test_without_an_old_release_everything_was_added(catalogues: Catalogues) -> None:
    database = catalogues.empty()
    install(database, "cwe@1.0", made_content([weakness(), relationship()]))
    with database.read() as connection:
        comparison = compare(connection, None, release(database, "1.0"))
    assert [(one.id, one.change) for one in comparison.differences] == [(USES, "added"), (WEAKNESS, "added")]
    assert comparison.unchanged == {}


@pytest.mark.real
def test_unchanged_ids_are_counted_by_type(filled_library: Library) -> None:
    with filled_library.database.read() as connection:
        old, new = (releases.find(connection, "attack-ics", label) for label in ("17.0", "17.1"))
        assert new is not None
        comparison = compare(connection, old, new)
    before, after = (
        {stix["id"]: plain.same(stix) for stix in plain.contents("attack-ics", label)} for label in ("17.0", "17.1")
    )
    unchanged = [stix_id for stix_id in before.keys() & after.keys() if before[stix_id] == after[stix_id]]
    assert comparison.unchanged == Counter(stix_id.partition("--")[0] for stix_id in unchanged)
    assert len(comparison.unchanged) > 5


def test_a_pair_of_releases_is_compared_once(catalogues: Catalogues) -> None:
    database, pairs = catalogues.empty(), ComparedPairs()
    compared(database, [weakness()], [weakness(a=1)])
    old, new = release(database, "1.0"), release(database, "2.0")
    with database.read() as connection:
        first = pairs.compare(connection, old, new)
        assert pairs.compare(connection, old, new) is first
        assert pairs.compare(connection, new, old) is not first
        assert pairs.compare(connection, None, new) is not first


def test_a_reinstalled_release_is_compared_again(catalogues: Catalogues) -> None:
    database, pairs = catalogues.empty(), ComparedPairs()
    compared(database, [weakness()], [weakness(a=1)])
    with database.read() as connection:
        pairs.compare(connection, release(database, "1.0"), release(database, "2.0"))
    with database.write() as connection:
        remove_release(connection, release(database, "2.0"))
    install(database, "cwe@2.0", made_content([weakness(), weakness(OTHER)]))
    with database.read() as connection:
        again = pairs.compare(connection, release(database, "1.0"), release(database, "2.0"))
    assert [(one.id, one.change) for one in again.differences] == [(OTHER, "added")]


def test_the_most_recent_comparisons_are_cached(catalogues: Catalogues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctibutler.comparing.pairs.MOST_DIFFERENCES", 3)
    database, pairs = catalogues.empty(), ComparedPairs()
    labels = [f"{number}.0" for number in range(1, 5)]
    for label in labels:
        install(database, f"cwe@{label}", made_content([weakness(label=label)]))
    with database.read() as connection:
        first, second, third = [pairs.compare(connection, None, release(database, label)) for label in labels[:-1]]
        assert pairs.compare(connection, None, first.new) is first
        pairs.compare(connection, None, release(database, labels[-1]))
        assert pairs.compare(connection, None, first.new) is first
        assert pairs.compare(connection, None, third.new) is third
        assert pairs.compare(connection, None, second.new) is not second
