"""What is sent from one release to the next."""

from collections import Counter
from typing import Any

import pytest
from connector.delta import Contribution, Namesakes, Plan, Rules, plan
from connector.sendable import Known, Sendable, digest

from tests.tests_connector.conftest import Converted

AUTHOR = {
    "type": "identity",
    "id": "identity--a",
    "name": "Publisher",
    "identity_class": "organization",
    "revoked": False,
}


def group(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "intrusion-set",
        "id": f"intrusion-set--{number}",
        "name": name,
        "revoked": False,
        **more,
    }


def uses(number: int, source: str, target: str) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--{number}",
        "relationship_type": "uses",
        "source_ref": source,
        "target_ref": target,
        "revoked": False,
    }


def release(
    *items: dict[str, Any],
    dead: tuple[dict[str, Any], ...] = (),
    deprecated: bool = False,
) -> Sendable:
    from connector import identifiers

    objects = {item["id"]: item for item in (AUTHOR, *items)}
    known = {
        item["id"]: Known(
            item["id"],
            item["type"],
            None,
            item["name"],
            identifiers.standard_id(item),
            None,
            (),
            tuple(identifiers.alias_ids(item)),
        )
        for item in items
        if item["type"] != "relationship" and not item["revoked"]
    }
    return Sendable(
        "attack-ics",
        "1",
        objects=objects,
        authors=frozenset({AUTHOR["id"]}),
        withdrawn={item["id"]: item for item in dead},
        deprecated={item["id"] for item in dead} if deprecated else set(),
        known=known,
        digests={stix_id: digest(item) for stix_id, item in objects.items()},
    )


def planned(
    target: Sendable,
    base: Sendable | None,
    others: Namesakes | None = None,
    **rules: str,
) -> Plan:
    return plan(target, base, Rules(**rules), lambda: others or Namesakes())


def told(result: Plan) -> list[tuple[str, Any]]:
    return [
        (item["id"], item.get("opencti_operation", item.get("revoked")))
        for item in result.objects
    ]


def test_nothing_is_sent_if_nothing_changed() -> None:
    assert planned(release(group(1, "A")), release(group(1, "A"))).objects == []


def test_a_new_date_alone_is_not_a_change() -> None:
    before, after = group(1, "A", modified="2024"), group(1, "A", modified="2025")
    assert planned(release(after), release(before)).objects == []


def test_the_author_is_always_sent_first() -> None:
    result = planned(release(group(1, "A"), group(2, "B")), release(group(1, "A")))
    assert told(result) == [("identity--a", False), ("intrusion-set--2", False)]


@pytest.mark.parametrize(
    ("removed", "becomes"), [("revoke", [True]), ("delete", ["delete"]), ("keep", [])]
)
def test_removed_objects_follow_the_setting(removed: str, becomes: list[Any]) -> None:
    result = planned(
        release(group(1, "A")), release(group(1, "A"), group(2, "B")), removed=removed
    )
    assert [
        state for stix_id, state in told(result) if stix_id == "intrusion-set--2"
    ] == becomes


@pytest.mark.parametrize("removed", ["revoke", "delete", "keep"])
def test_a_relationship_that_keeps_its_id_and_gets_another_end_is_replaced(
    removed: str,
) -> None:
    ends = (group(1, "A"), group(2, "B"), group(3, "C"))
    base = release(*ends, uses(1, "intrusion-set--1", "intrusion-set--2"))
    target = release(*ends, uses(1, "intrusion-set--1", "intrusion-set--3"))
    _, new, old = planned(target, base, removed=removed).objects
    assert (old["id"], old["opencti_operation"]) == ("relationship--1", "delete")
    assert old["target_ref"] == "intrusion-set--2"
    assert new["id"] != "relationship--1"
    assert (new["source_ref"], new["target_ref"], new["revoked"]) == (
        "intrusion-set--1",
        "intrusion-set--3",
        False,
    )
    assert planned(target, target, removed=removed).objects == []


def test_a_moved_relationship_is_not_deleted_if_another_one_has_its_former_ends() -> (
    None
):
    ends = (group(1, "A"), group(2, "B"), group(3, "C"))
    base = release(*ends, uses(1, "intrusion-set--1", "intrusion-set--2"))
    target = release(
        *ends,
        uses(1, "intrusion-set--1", "intrusion-set--3"),
        uses(2, "intrusion-set--1", "intrusion-set--2"),
    )
    assert "delete" not in [state for _, state in told(planned(target, base))]


@pytest.mark.parametrize("renamed", [group(2, "New name"), group(4, "B")])
def test_a_relationship_stays_if_its_end_gets_another_name_or_id(
    renamed: dict[str, Any],
) -> None:
    base = release(
        group(1, "A"), group(2, "B"), uses(1, "intrusion-set--1", "intrusion-set--2")
    )
    target = release(
        group(1, "A"),
        renamed,
        {**uses(1, "intrusion-set--1", renamed["id"]), "description": "changed"},
    )
    sent = planned(target, base).objects
    assert [item["id"] for item in sent if item["type"] == "relationship"] == [
        "relationship--1"
    ]
    assert not any("opencti_operation" in item for item in sent)


def test_a_removed_relationship_between_live_objects_is_withdrawn_with_both_ends() -> (
    None
):
    ends = (group(1, "A"), group(2, "B"))
    base = release(*ends, uses(1, "intrusion-set--1", "intrusion-set--2"))
    _, item = planned(release(*ends), base, removed="delete").objects
    assert item["opencti_operation"] == "delete"
    assert (item["source_ref"], item["target_ref"]) == (
        "intrusion-set--1",
        "intrusion-set--2",
    )


def test_a_relationship_removed_with_its_end_needs_no_message() -> None:
    base = release(
        group(1, "A"), group(2, "B"), uses(1, "intrusion-set--1", "intrusion-set--2")
    )
    assert told(planned(release(group(1, "A")), base)) == [
        ("identity--a", False),
        ("intrusion-set--2", True),
    ]


def test_an_object_under_a_new_stix_id_is_not_withdrawn_under_the_old_one() -> None:
    result = planned(release(group(7, "A")), release(group(1, "A")))
    assert told(result) == [("identity--a", False), ("intrusion-set--7", False)]


def test_a_relationship_under_a_new_stix_id_is_not_withdrawn_under_the_old_one() -> (
    None
):
    ends = (group(1, "A"), group(2, "B"))
    base = release(*ends, uses(1, "intrusion-set--1", "intrusion-set--2"))
    target = release(*ends, uses(9, "intrusion-set--1", "intrusion-set--2"))
    assert told(planned(target, base)) == [
        ("identity--a", False),
        ("relationship--9", False),
    ]


@pytest.mark.parametrize(("deprecated", "sent"), [("revoke", True), ("skip", False)])
def test_deprecated_objects_follow_the_setting(deprecated: str, sent: bool) -> None:
    dead = group(2, "B", description="Deprecated in 1.") | {"revoked": True}
    target = release(group(1, "A"), dead=(dead,), deprecated=True)
    result = planned(
        target, release(group(1, "A"), group(2, "B")), deprecated=deprecated
    )
    assert (("intrusion-set--2", True) in told(result)) == sent


def test_a_dead_object_never_revokes_its_live_namesake() -> None:
    dead = group(2, "a ") | {"revoked": True}
    assert planned(release(group(1, "A"), dead), release(group(1, "A"))).objects == []


def test_a_dead_object_never_revokes_a_live_one_of_another_knowledge_base() -> None:
    from connector import identifiers

    others = Namesakes({identifiers.standard_id(group(5, "B"))})
    base = release(group(1, "A"), group(2, "B"))
    for removed in ("revoke", "delete"):
        result = planned(release(group(1, "A")), base, others, removed=removed)
        assert result.objects == []
        assert sum(result.left_out.values()) == 1


def test_a_relationship_to_an_object_that_is_left_out_is_left_out_too() -> None:
    dead = group(2, "A") | {"revoked": True}
    target = release(
        group(1, "A"),
        group(3, "C"),
        dead,
        uses(1, "intrusion-set--2", "intrusion-set--3"),
    )
    assert told(planned(target, None)) == [
        ("identity--a", False),
        ("intrusion-set--1", False),
        ("intrusion-set--3", False),
    ]


def test_an_object_gets_no_alias_that_names_another_entity_of_opencti() -> None:
    base = release(group(1, "A"), group(2, "B"))
    target = release(
        group(1, "A", aliases=["B", "C"]), dead=(group(2, "B") | {"revoked": True},)
    )
    result = planned(target, base)
    assert [
        item.get("aliases")
        for item in result.objects
        if item["id"] == "intrusion-set--1"
    ] == [["C"]]
    assert ("intrusion-set--2", True) in told(result)


def test_an_object_that_is_live_again_is_sent_as_live() -> None:
    before = group(1, "A") | {"revoked": True}
    assert ("intrusion-set--1", False) in told(
        planned(release(group(1, "A")), release(before))
    )


def test_a_borrowed_technique_arrives_as_the_lender_has_it() -> None:
    own, lent = group(1, "Own name"), group(1, "Lender's name")
    result = plan(
        release(own), None, Rules(), Namesakes, Contribution(borrowed=(lent,))
    )
    assert [item["name"] for item in result.objects] == ["Publisher", "Lender's name"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("slug", "before", "after", "most"),
    [
        ("attack-ics", "18.0", "18.1", 25),
        ("attack-ics", "17.1", "18.0", 625),
        ("attack-mobile", "17.0", "17.1", 4),
        ("attack-enterprise", "18.0", "18.1", 65),
        ("attack-enterprise", "17.1", "18.1", 7_100),
        ("capec", "3.8", "3.9", 120),
        ("disarm", "1.5", "1.6", 220),
        ("d3fend", "1.1.0", "1.2.0", 20),
    ],
)
def test_a_change_costs_what_changed(
    converted: Converted, slug: str, before: str, after: str, most: int
) -> None:
    assert len(planned(converted(slug, after), converted(slug, before)).objects) <= most


@pytest.mark.real
def test_atlas_with_all_ids_renewed_withdraws_nothing_that_lives(
    converted: Converted,
) -> None:
    """All ids of ATLAS changed between these releases; only the external ids lasted."""
    result = planned(converted("atlas", "5.6.0"), converted("atlas", "4.9.0"))
    withdrawn = Counter(item["type"] for item in result.objects if item.get("revoked"))
    assert set(withdrawn) <= {"relationship"}


@pytest.mark.real
def test_the_data_sources_that_attack_18_deprecated_are_revoked_with_the_reason(
    converted: Converted,
) -> None:
    result = planned(converted("attack-ics", "18.0"), converted("attack-ics", "17.1"))
    sources = [item for item in result.objects if item["type"] == "x-mitre-data-source"]
    assert len(sources) == 17
    assert all(item["revoked"] for item in sources)
    assert sources[0]["description"].endswith("Deprecated in MITRE ATT&CK ICS 18.0.")
