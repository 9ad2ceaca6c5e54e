"""Ids as people write them, on the command line."""

from __future__ import annotations

import pytest

from tests.cli.command import Command

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("attack.t0859", "T0859 Valid Accounts"),
        ("attack.g0034", "G0034 Sandworm Team"),
        ("attack.lateral_movement", "TA0109 Lateral Movement"),
        ("attack-ics/T0859", "T0859 Valid Accounts"),
        ("f3:F1025/001", "F1025.001 "),
        ("https://attack.mitre.org/techniques/T0859/", "T0859 Valid Accounts"),
        ("http://www.attack.mitre.org/versions/v16/groups/G0034?x=1", "G0034 Sandworm Team"),
        ("https://atlas.mitre.org/techniques/AML.T0051.001", "AML.T0051.001 Indirect"),
        ("<https://ctid.mitre.org/fraud/tactics/TA0043>", "TA0043 Reconnaissance"),
        ("amlt0051", "AML.T0051 LLM Prompt Injection"),
        ("aml t0051 001", "AML.T0051.001 Indirect"),
        ("T 0859", "T0859 Valid Accounts"),
        ('"T0859",', "T0859 Valid Accounts"),
        ("Ｔ－０８５９", "T0859 Valid Accounts"),
        ("sandworm team", "G0034 Sandworm Team"),
        ("ELECTRUM", "G0034 Sandworm Team"),
        ("Cote d'Ivoire", "CI "),
        ("`intrusion-set--381FCF73-60f6-4ab2-9991-6af3cbc35192`", "G0034 Sandworm Team"),
    ],
)
def test_an_id_is_read_as_people_write_it_and_a_note_says_as_what(stocked: Command, written: str, read: str) -> None:
    outcome = stocked.done("get", written)
    assert outcome.stderr.startswith(f"read as {read}")
    assert outcome.stdout.startswith(read)
    assert stocked.done("get", written, "--json").json["release"]


@pytest.mark.parametrize("exact", ["T0859", "t0859", " aml.t0051 ", "Ｔ０８５９", "TLP:RED", "red", "western-africa"])
def test_nothing_is_said_about_an_exact_id(stocked: Command, exact: str) -> None:
    assert stocked.done("get", exact).stderr == ""


def test_every_command_that_takes_an_id_understands_it(stocked: Command) -> None:
    note = "read as G0034 Sandworm Team\n"
    asked = stocked.done("get", "Sandworm Team,attack.g0035", "techniques")
    assert asked.stderr == note + "read as G0035 Dragonfly\n"
    assert asked.stdout == stocked.done("get", "G0034,G0035", "techniques").stdout
    for words, same in (
        (("compare", "sandworm team", "attack.g0035"), ("compare", "G0034", "G0035")),
        (("questions", "g-0034"), ("questions", "G0034")),
        (("navigator", "voodoo bear"), ("navigator", "G0034")),
        (("list", "attack-ics", "--id", "attack.g0034,T0859,nothing"), ("list", "attack-ics", "--id", "G0034,T0859")),
    ):
        outcome = stocked.done(*words)
        assert outcome.stderr.startswith(note)
        assert outcome.stdout == stocked.done(*same).stdout


def test_a_name_of_several_objects_is_refused_with_all_of_them(stocked: Command) -> None:
    outcome = stocked("get", "Discovery")
    assert outcome.code == 2
    assert "TA0102 Discovery (attack-ics)" in outcome.stderr
    assert "AML.TA0008 Discovery (atlas)" in outcome.stderr
    assert stocked.done("get", "Discovery", "--kb", "atlas").stderr == "read as AML.TA0008 Discovery\n"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("T0B59", "T0859"),
        ("TO859", "T0859"),
        ("AML.T005l", "AML.T0051"),
        ("Sandwrom Team", "G0034 Sandworm Team"),
        ("Dragnfly", "G0035 Dragonfly"),
    ],
)
def test_what_is_nearly_an_id_or_a_name_is_suggested_and_not_taken(stocked: Command, written: str, meant: str) -> None:
    outcome = stocked("get", written)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith(f"ctibutler: no object `{written}` in the latest releases of ")
    assert meant in outcome.stderr.partition("; did you mean ")[2]


@pytest.mark.parametrize(
    "bad", ["T0859\nT0886", "T08 59' OR 1=1 --", "\x1b[31m", "''", "%s%s", "a" * 10_000, "attack.", "☃"]
)
@pytest.mark.parametrize("words", [("get",), ("questions",), ("navigator",), ("compare", "G0034")])
def test_what_is_no_id_at_all_is_one_line_on_standard_error(stocked: Command, words: tuple[str, ...], bad: str) -> None:
    outcome = stocked(*words, bad)
    assert (outcome.code, outcome.stdout) == (1, "")
    assert len(outcome.stderr.splitlines()) == 1
    assert len(outcome.stderr) < 500
    assert "\x1b" not in outcome.stderr
