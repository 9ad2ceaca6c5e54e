"""`get ID` as a page to read."""

from __future__ import annotations

import json
import re

import pytest

from ctibutler.answers.object_view import ObjectView
from ctibutler.cli.finding import Finding
from ctibutler.cli.output.object_page import show_object
from ctibutler.cli.output.text import filled
from ctibutler.knowledge_bases import HOSTED
from tests.cli.command import Command

pytestmark = pytest.mark.real

MARKUP = re.compile(
    r"\(Citation:|</?(?:p|br|li|ul|ol|b|code|span|div)\b|xhtml:|\]\(|&(?:lt|gt|amp|quot);|^#+ |\*\*", re.MULTILINE
)


def test_the_page_says_what_people_ask_and_not_what_only_programs_need(stocked: Command) -> None:
    page = stocked.done("get", "T0859").stdout
    assert re.search(
        r"^kind +Technique\ntactics +[a-z ]+, [a-z ]+\n(?:platforms .*\n)?created +2020-05-21\nmodified +20..-..-..$",
        page,
        re.MULTILINE,
    )
    for hidden in ("x_mitre_", "created_by_ref", "object_marking_refs", "https://"):
        assert hidden not in page


def test_everything_else_is_shown_on_demand(stocked: Command) -> None:
    everything = stocked.done("get", "T0859", "--all").stdout
    assert "x_mitre_attack_spec_version" in everything
    assert "\nReferences\n  1. mitre-attack T0859 https://attack.mitre.org/techniques/T0859\n" in everything
    references = stocked.done("get", "T0859", "--references").stdout
    assert "\nReferences\n  1. mitre-attack T0859 " in references
    assert "x_mitre_" not in references


@pytest.mark.parametrize(
    "object_id",
    [
        "T0859", "TA0109", "M0801", "G0034", "S0604", "C0028", "A0001", "DET0733", "AN1866", "DC0032",
        "AML.T0051", "AML.TA0001", "AML.M0015", "TA02", "T0086.003", "F1025.001", "TA0043", "western-africa", "US", "TLP:RED",
    ],
)  # fmt: skip
def test_a_page_of_every_kind_has_no_markup_of_publishers(stocked: Command, object_id: str) -> None:
    outcome = stocked.done("get", object_id)
    lines = outcome.stdout.splitlines()
    assert lines[0].casefold().startswith(object_id.casefold()) or object_id == "TLP:RED"
    assert any(line.startswith("kind ") for line in lines)
    assert MARKUP.search(outcome.stdout) is None
    assert "\n\n\n" not in outcome.stdout


def test_a_value_is_shown_once_and_only_if_it_says_something(stocked: Command) -> None:
    component = stocked.done("get", "DC0032").stdout
    assert "Process\n" in component
    assert "(None)" not in component
    assert "(None)" not in stocked.done("get", "AN1881").stdout
    assert "platforms" not in stocked.done("get", "T0859").stdout  # the publisher's "None"
    assert "regions" not in stocked.done("get", "western-africa").stdout  # itself


def test_log_sources_are_words(stocked: Command) -> None:
    page = stocked.done("get", "DC0032", "--kb", "attack-ics").stdout
    assert re.search(r"^log sources  \S+", page, re.MULTILINE)
    assert '{"' not in page


def test_the_counts_of_a_group_tell_its_own_techniques_from_those_of_its_campaigns(stocked: Command) -> None:
    ways = stocked.done("get", "G0034", "techniques", "--json").json["counts"]
    own, default = ways["ways"]["own"], ways["default"]
    assert 0 < own < default
    assert f"{own} techniques ({default} with campaigns)" in stocked.done("get", "G0034").stdout


def test_a_question_about_a_revoked_object_that_finds_nothing_says_what_to_ask_about(stocked: Command) -> None:
    outcome = stocked.done("get", "G0074", "software")
    assert outcome.stdout == "G0074 Dragonfly 2.0, MITRE ATT&CK for ICS 18.1: 0 software\n"
    assert outcome.stderr.endswith("G0074 is revoked: use G0035 Dragonfly\n")
    assert "revoked" not in stocked.done("get", "G0074", "successors").stderr


def test_a_command_to_copy_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctibutler.cli.output.text.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    command = "ctibutler get CWE-79 peers"
    lines = filled(f"17 categories, 8 views, 6 patterns: {command}", whole=command).splitlines()
    assert lines == ["17 categories, 8 views, 6 patterns:", command]


def test_a_long_value_in_a_list_is_indented_below_its_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ctibutler.cli.output.text.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    long = {"name": "macos:unifiedlog", "channel": "launch of a shell with an unusual parent process"}
    short = {"name": "auditd:SYSCALL", "channel": "execve"}
    component = {"type": "x-mitre-data-component", "x_mitre_log_sources": [long, short]}
    kb = HOSTED.named("attack-ics")
    view = ObjectView(json.dumps(component).encode(), kb, "18.1")
    show_object(json.dumps(component).encode(), Finding(kb, "18.1", view), ())
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "log sources  macos:unifiedlog (launch of a shell with an",
        "               unusual parent process)",
        "             auditd:SYSCALL (execve)",
    ]
