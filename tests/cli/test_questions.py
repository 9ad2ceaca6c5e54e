"""`get ID QUESTION`, `questions` and `compare` on the command line."""

from __future__ import annotations

import pytest

from tests.cli.command import Command

pytestmark = pytest.mark.real


def test_a_question_is_answered_with_its_counts_and_a_table(stocked: Command) -> None:
    outcome = stocked.done("get", "T0859", "mitigations")
    heading, empty, columns, first, *_ = outcome.stdout.splitlines()
    assert heading == "T0859 Valid Accounts, MITRE ATT&CK for ICS 18.1: 10 mitigations"
    assert (empty, columns.split()) == ("", ["ID", "NAME", "VIA"])
    assert first.split() == ["M0801", "Access", "Management", "own"]
    assert len(outcome.stdout.splitlines()) == 13


def test_evidence_is_what_the_publisher_says(stocked: Command) -> None:
    lines = stocked.done("get", "C0028", "techniques", "--evidence").stdout.splitlines()
    told = [line.strip() for line in lines[3:] if line.startswith("  ")]
    assert len(told) >= 20
    assert all("(Citation:" not in line for line in told)
    assert any("2015 Ukraine Electric Power Attack" in line for line in told)


def test_ways_are_chosen_and_counted(stocked: Command) -> None:
    assert stocked.done("get", "C0028", "techniques").stdout.startswith(
        "C0028 2015 Ukraine Electric Power Attack, MITRE ATT&CK for ICS 18.1: 20 techniques; 26 with --via all"
    )
    answer = stocked.done("get", "C0028", "techniques", "--via", "all", "--json").json
    assert (answer["total_results_count"], len(answer["results"])) == (26, 26)
    assert answer["counts"]["ways"] == {"own": 20, "software": 7}


def test_several_objects_are_asked_at_once(stocked: Command) -> None:
    of_any = stocked.done("get", "T0859,T0886", "mitigations", "--json").json
    of_all = stocked.done("get", "T0859,T0886", "mitigations", "--match", "all", "--json").json
    both = [row["object"]["id"] for row in of_any["results"] if row["matched"] == 2]
    assert [row["object"]["id"] for row in of_all["results"]] == both
    table = stocked.done("get", "T0859,T0886", "mitigations", "--match", "all").stdout
    assert "2 of 2" in table


def test_an_object_ends_with_what_can_be_asked_next(stocked: Command) -> None:
    last = stocked.done("get", "T0859").stdout.splitlines()[-1]
    assert "10 mitigations, " in last
    assert last.endswith("17 assets: ctibutler get T0859 groups")
    assert stocked.done("get", "western-africa").stdout.splitlines()[-1] == (
        "17 countries, 17 places, 1 region: ctibutler get western-africa countries"
    )


def test_the_questions_of_a_knowledge_base_and_of_an_object_are_listed(stocked: Command) -> None:
    assert "sector" in stocked.done("questions").stdout
    assert [line.split()[0] for line in stocked.done("questions", "sector").stdout.splitlines()] == [
        "QUESTION",
        "parts",
        "part-of",
    ]
    lines = stocked.done("questions", "T0859").stdout.splitlines()
    assert lines[0] == "T0859 Valid Accounts, Technique of MITRE ATT&CK for ICS 18.1"
    assert next(line.split()[1] for line in lines if line.startswith("assets")) == "17"
    assert stocked.done("questions", "tlp", "--json").json == {"knowledge_base": "tlp", "questions": []}


def test_two_objects_are_compared(stocked: Command) -> None:
    answer = stocked.done("compare", "G0034", "G0035", "--json").json
    counts = answer["counts"]
    assert counts["both"] + counts["only_a"] + counts["only_b"] == answer["total_results_count"]
    table = stocked.done("compare", "G0034", "G0035").stdout
    assert table.startswith(f"techniques in attack-ics 18.1: {counts['both']} in common")
    assert table.count("only G0034") >= counts["only_a"]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("get", "T0859", "mitigation"), 1, "did you mean `mitigations`"),
        (("get", "T9999", "groups"), 1, "no object `T9999`"),
        (("get", "T0859", "groups", "--via", "magic"), 2, "`magic` is none of own"),
        (("get", "T0859", "groups", "--match", "some"), 2, "neither any nor all"),
        (("get", "T0859", "groups", "--bundle"), 2, "--bundle cannot be used with a question"),
        (("get", "T0859", "groups", "--release", "1.0"), 1, "1.0"),
        (("get", "T0859,US", "groups"), 1, "no knowledge base has all of T0859, US"),
        (("compare", "G0034", "G9999"), 1, "no object `G9999`"),
        (("list", "attack-ics", "--created-min", "soon"), 2, "neither a day"),
    ],
)
def test_what_is_refused(stocked: Command, words: tuple[str, ...], code: int, part: str) -> None:
    outcome = stocked(*words)
    assert (outcome.code, part in outcome.stderr) == (code, True), outcome.stderr


def test_techniques_are_listed_by_tactic_and_time(stocked: Command) -> None:
    by_word = stocked.done("list", "attack-ics", "--tactic", "lateral-movement", "--json").json
    by_id = stocked.done("list", "attack-ics", "--tactic", "TA0109", "--json").json
    assert by_word == by_id
    assert by_word["total_results_count"] > 5
    newer = stocked.done("list", "attack-ics", "--type", "Technique", "--created-min", "2021-01-01", "--json").json
    assert all(stix["created"] >= "2021-01-01" for stix in newer["objects"])
