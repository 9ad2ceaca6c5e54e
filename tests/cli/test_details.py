"""`get --detail` shows a publisher's details beyond STIX, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import Command
from tests.excerpt import converted, details_of, put_beside


@pytest.fixture
def with_details(command: Command) -> Command:
    """The command with two releases of an excerpt of CWE: one with details, one without."""
    command.done("install", "cwe@4.14", "--from", put_beside(command.folder, "4.14"))
    command.done("install", "cwe@4.13", "--from", put_beside(command.folder, "4.13", with_details=False))
    return command


def test_details_are_readable(with_details: Command) -> None:
    page, _, asked_next = with_details.done("get", "CWE-1287").stdout.rpartition("\n\n")
    plain = f"{page}\n"
    detailed = with_details.done("get", "CWE-1287", "--detail").stdout
    assert detailed.startswith(plain)
    assert detailed.endswith(f"\n\n{asked_next}")
    lines = detailed.removeprefix(plain).splitlines()
    assert lines[:5] == ["", "abstraction  Base", "structure    Simple", "status       Incomplete", ""]
    assert lines[5:9] == [
        "Related weaknesses",
        "  NATURE   CWE ID   VIEW ID   ORDINAL",
        "  ChildOf  CWE-20   CWE-1000  Primary",
        "  PeerOf   CWE-843  CWE-1000  Primary",
    ]
    first = lines.index("Potential mitigations")
    assert lines[first + 1 : first + 5] == [
        "  - mitigation id: MIT-5",
        "    phases: Implementation",
        "    strategy: Input Validation",
        "    description:",
    ]
    assert "  - reference: CVE-2008-2223" in lines
    assert "  usage: Allowed" in lines


def test_code_keeps_its_line_breaks(with_details: Command) -> None:
    lines = with_details.done("get", "cwe-680", "--detail").stdout.splitlines()
    first = lines.index("          int num_imgs;")
    assert lines[first + 1 : first + 3] == ["          ...", "          num_imgs = get_num_imgs();"]


def test_categories_and_views_have_details_too(with_details: Command) -> None:
    assert "  CWE-1287  CWE-1400" in with_details.done("get", "CWE-1406", "--detail").stdout.splitlines()
    assert "Audience" in with_details.done("get", "CWE-1400", "--detail").stdout.splitlines()


def test_details_in_json_are_beside_the_object(with_details: Command) -> None:
    answered = with_details.done("get", "CWE-1287", "--detail", "--json").json
    assert answered["object"] == with_details.done("get", "CWE-1287", "--json").json["object"]
    assert (answered["knowledge_base"], answered["release"]) == ("cwe", "4.14")
    assert answered["details"] == details_of("CWE-1287")
    assert answered["object"] in converted().objects


def test_a_release_without_details_says_so(with_details: Command) -> None:
    outcome = with_details.done("get", "CWE-1287", "--detail", "--release", "4.13")
    assert outcome.stdout == with_details.done("get", "CWE-1287", "--release", "4.13").stdout
    assert outcome.stderr == "cwe 4.13 was installed without details\n"
    as_json = with_details.done("get", "CWE-1287", "--detail", "--release", "4.13", "--json").json
    assert as_json["details"] is None


def test_a_knowledge_base_without_details_names_those_that_have_them(with_details: Command) -> None:
    bundle = {"type": "bundle", "objects": [{"type": "tool", "id": "tool--00000000-0000-4000-8000-000000000001"}]}
    file = with_details.folder / "tools.json"
    file.write_text(json.dumps(bundle))
    with_details.done("install", "disarm@1", "--from", file)
    refused = with_details("get", "tool--00000000-0000-4000-8000-000000000001", "--detail")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr == "ctibutler: --detail: disarm has no details; these have: cwe, atlas\n"
    both = with_details("get", "CWE-1287", "--detail", "--bundle")
    assert (both.code, both.stderr) == (
        2,
        "ctibutler: --detail cannot be used with --bundle: a bundle contains only STIX objects\n",
    )
    assert with_details("get", "CWE-1", "--detail").code == 1
