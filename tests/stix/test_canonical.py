"""The form in which objects of two releases are compared."""

from __future__ import annotations

from ctibutler.stix.canonical import canonical_digest, comparable
from ctibutler.stix.objects import canonical


def test_what_is_absent_is_the_same_as_what_is_empty() -> None:
    bare = {"id": "tool--1", "name": "x"}
    nothings: list[object] = [None, False, "", [], {}, {"a": None}]
    for nothing in nothings:
        assert canonical_digest(bare) == canonical_digest({**bare, "more": nothing}), nothing
    for something in (0, True, " ", ["x"], {"a": 0}):
        assert canonical_digest(bare) != canonical_digest({**bare, "more": something}), something


def test_lists_of_texts_phases_and_references_are_sets() -> None:
    assert same_value("x_mitre_platforms", ["b", "a", "a"], ["a", "b"])
    phases = [{"kill_chain_name": "k", "phase_name": name} for name in ("one", "two")]
    assert same_value("kill_chain_phases", phases, phases[::-1])
    assert not same_value("x_steps", phases, phases[::-1])


def test_numbers_and_flags_are_told_apart() -> None:
    assert not same_value("x", 1, True)
    assert not same_value("x", 1, 1.5)


def test_a_digest_ignores_the_order_of_keys_and_what_is_left_out() -> None:
    assert canonical_digest({"a": "1", "b": {"c": "2", "d": "3"}}) == canonical_digest(
        {"b": {"d": "3", "c": "2"}, "a": "1"}
    )
    assert canonical_digest({"a": "1", "modified": "2"}, ["modified"]) == canonical_digest({"a": "1"})


def same_value(name: str, before: object, after: object) -> bool:
    return canonical(comparable(name, before)) == canonical(comparable(name, after))
