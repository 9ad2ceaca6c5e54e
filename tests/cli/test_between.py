"""The commands `history` and `diff`."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tests.answers.test_history import technique
from tests.catalogue import Catalogues, install, made_content
from tests.cli.command import Command
from tests.shared import read_bundle

DISARM = "disarm2stix-manual-output/disarm-bundle-v1_{}.json"


def described(version: str, external_id: str) -> str:
    """The description that a release of DISARM gives an object."""
    objects = read_bundle(DISARM.format(version))["objects"]
    [found] = [
        stix["description"]
        for stix in objects
        if any(reference.get("external_id") == external_id for reference in stix.get("external_references", ()))
    ]
    return str(found)


def test_a_history_is_told_release_by_release(stocked: Command) -> None:
    assert stocked.done("history", "t0104.002").stdout.splitlines() == [
        "T0104.002 Dating App",
        "DISARM, sub-technique",
        "in 1.5; not in 1.6",
        "",
        "RELEASE  EVENT    WHAT",
        "1.5      added    already there in the first installed release",
        "1.6      removed",
    ]
    edited = stocked.done("history", "Romantic Suitor Persona", "--hide", "added,touched")
    assert edited.stderr == "read as T0097.109 Romantic Suitor Persona\n"
    assert edited.stdout.splitlines()[-1].startswith("1.6      edited  description; ")


def test_a_history_has_the_forms_of_lists(stocked: Command, tmp_path: Path) -> None:
    events = stocked.done("history", "T0104.002", "--json").json["history"]
    assert [(event["version"], event["event"]) for event in events] == [("1.5", "added"), ("1.6", "removed")]
    file = tmp_path / "events.csv"
    stocked.done("history", "T0104.002", "-o", str(file))
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert [(row["version"], row["event"]) for row in rows] == [("1.5", "added"), ("1.6", "removed")]
    page = stocked.done("history", "T0104.002", "--page-size", 1, "--page", 2)
    assert "removed" in page.stdout
    assert "added" not in page.stdout
    assert page.stderr == "2 of 2 events\n"


def test_a_difference_shows_what_was_edited(stocked: Command) -> None:
    lines = stocked.done("diff", "T0097.109", "1.5", "1.6").stdout.splitlines()
    assert lines[:6] == [
        "T0097.109 Romantic Suitor Persona",
        "DISARM, sub-technique, 1.5 to 1.6",
        "",
        "edited",
        "Edited: description.",
        "",
    ]
    text = "\n".join(lines)
    old, new = [set(re.findall(r"[\w.]+", described(version, "T0097.109"))) for version in "56"]
    assert old - new == {"T0104.002", "App"}
    for word in old ^ new:
        assert word in text
    whole = stocked.done("diff", "T0097.109", "1.5", "1.6", "--all", "--hide", "meaning").stdout
    assert "Meaning" not in whole
    assert "modified" in whole


def test_a_difference_as_json_is_the_answer_of_the_api(stocked: Command) -> None:
    found = stocked.done("diff", "T0097.109", "--json").json
    assert (found["from"], found["to"], found["outcome"]) == ("1.5", "1.6", "edited")
    [text] = [one for one in found["properties"] if one["path"] == "description"]
    assert (text["before"], text["after"]) == (described("5", "T0097.109"), described("6", "T0097.109"))
    assert (
        stocked.done("diff", "T0097.109", "1.6", "1.6").stdout.splitlines()[-1].startswith("The same in both: digest ")
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("history T9999", 1, "no object `T9999`"),
        ("history T0104.002 --kb atlas", 1, "no object `T0104.002`"),
        ("history T0104.002 --format pdf", 2, "--format: `pdf` is none of"),
        ("diff T0104.002 1.5 1.6", 1, "no object `T0104.002` in disarm 1.6; it is in 1.5"),
        ("diff T0104.002 1.5 9.9", 1, "disarm@9.9 is not installed; run `ctibutler install disarm@9.9`"),
        ("diff T0104.002 a/b", 2, "`a/b` is not a valid release label"),
        ("diff F1005", 1, "no release of mitre-f3 before 1.1 is installed"),
        ("diff T0104.002 --kb nothing", 2, "no knowledge base `nothing`"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_line(stocked: Command, line: str, code: int, said: str) -> None:
    ended = stocked(*line.split())
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_an_id_of_different_objects_needs_a_knowledge_base(tmp_path: Path) -> None:
    first, second = technique(1, "T0001"), technique(2, "T0001")
    with Catalogues("sqlite", tmp_path) as made:
        database = made.empty()
        for slug, objects in (("attack-mobile", [first]), ("attack-ics", [second]), ("capec", [first])):
            install(database, f"{slug}@1.0", made_content(objects))
        command = Command(tmp_path, database=database.url.text)
        ended = command("history", "T0001")
        assert (ended.code, ended.stdout) == (2, "")
        assert "choose one with --kb attack-mobile, attack-ics or capec" in ended.stderr
        # The same object in several is one object.
        same = command.done("history", first["id"])
        assert same.stderr == "read in attack-mobile; also in capec (--kb)\n"
        assert "Technique 1" in same.stdout


def test_changes_show_outcomes_with_reasons(stocked: Command) -> None:
    found = stocked.done("changes", "disarm", "1.5", "1.6", "--view", "outcome", "--page-size", 1000)
    lines = found.stdout.splitlines()
    assert lines[:3] == [
        "disarm 1.5 to 1.6",
        "outcomes  32 gone, 2 edited, 312 touched, 2 unchanged, 94 added",
        "handling  32 human, 410 automatic",
    ]
    assert found.stderr == "128 rows; not shown: stale, unchanged, touched (--hide none shows all)\n"
    place = lines.index(next(line for line in lines if "T0104.002" in line))
    assert lines[place].split() == ["human", "gone", "T0104.002", "Dating", "App"]
    assert lines[place + 1].strip().startswith("Not in 1.6, which names no successor.")
    assert lines[place + 2].strip().startswith("Perhaps T0151.017 Dating Platform")
    whole = stocked.done("changes", "disarm", "1.5", "1.6", "--view", "outcome", "--hide", "none", "--page-size", 1)
    assert whole.stderr == "1 of 442 rows; --page 2 shows more\n"


def test_outcomes_have_the_forms_of_lists(stocked: Command, tmp_path: Path) -> None:
    words = ("changes", "disarm", "1.5", "1.6", "--outcome", "gone,edited")
    rows = stocked.done(*words, "--json", "--page-size", 100).json["changes"]
    assert {row["outcome"] for row in rows} == {"gone", "edited"}
    file = tmp_path / "outcomes.csv"
    stocked.done(*words, "-o", str(file))
    table = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [row["handling"] for row in table] == ["human"] * 32 + ["automatic"] * 2
    markdown = stocked.done(*words, "--format", "md").stdout
    assert "| human | gone |" in markdown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--view colours", "--view: `colours` is neither object nor outcome"),
        ("--view object --outcome gone", "--outcome cannot be used with --view object"),
        ("--outcome gnoe", "--outcome: `gnoe` is unknown; did you mean gone?"),
        ("--handling machine", "--handling: `machine` is unknown"),
        ("--outcome gone --hide all", "--hide: `all` is unknown"),
        ("--outcome gone --change added", "--change cannot be used with outcomes"),
        ("--outcome gone --format layer", "`layer` does not fit these rows"),
    ],
)
def test_words_that_outcomes_do_not_know_are_refused(stocked: Command, options: str, said: str) -> None:
    ended = stocked("changes", "disarm", "1.5", "1.6", *options.split())
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_words_of_the_options_are_those_of_the_answers() -> None:
    from ctibutler.answers.outcome_changes import ROW_WORDS
    from ctibutler.cli.commands import changes, diff, history
    from ctibutler.comparing.classes import CHANGE_CLASSES
    from ctibutler.comparing.events import EVENTS

    assert changes.OUTCOME_WORDS == ROW_WORDS
    assert diff.CLASS_WORDS == CHANGE_CLASSES
    assert history.EVENT_WORDS == EVENTS
