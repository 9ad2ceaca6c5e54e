"""What was typed so far leads to what is meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.serving import Server

pytestmark = pytest.mark.real
# What somebody types, and the address that is meant.
MEANT = {
    "cozy b": "/attack-enterprise/18.1/G0016",
    "Cozy Bear": "/attack-enterprise/18.1/G0016",
    "apt29": "/attack-enterprise/18.1/G0016",
    "bash history": "/attack-enterprise/18.1/T1552.003",
    "cwe79": "/cwe/4.14/CWE-79",
    "t1055/011": "/attack-enterprise/18.1/T1055.011",
    "aml t0051": "/atlas/5.6.0/AML.T0051",
    "attack.t1059": "/attack-enterprise/18.1/T1059",
    "https://attack.mitre.org/techniques/T1059/001": "/attack-enterprise/18.1/T1059.001",
    "power shell": "/attack-enterprise/18.1/T1059.001",
    "mimikatz": "/attack-enterprise/18.1/S0002",
    "cobalt str": "/attack-enterprise/18.1/S0154",
    "sandworm": "/attack-enterprise/18.1/G0034",
    "south af": "/location/1.0/ZA",
    "germany": "/location/1.0/DE",
    "tlp:red": "/tlp/2/red",
    "d3-ntf": "/d3fend/1.2.0/D3-NTF",
    "capec 66": "/capec/3.9/CAPEC-66",
    "command and scr": "/attack-enterprise/18.1/T1059",
}


def groups(server: Server, text: str, **more: str) -> list[dict[str, Any]]:
    """What the palette shows."""
    answer = server.client.get("/palette.json", params={"text": text, **more})
    assert answer.status_code == 200, answer.text
    assert len(answer.content) < 6000
    found: list[dict[str, Any]] = answer.json()["groups"]
    assert sum(len(group["rows"]) for group in found) <= 12
    return found


@pytest.mark.parametrize("text", MEANT)
def test_what_is_meant_is_among_the_first_three(everything: Server, text: str) -> None:
    shown = [row["address"] for group in groups(everything, text) for row in group["rows"]]
    assert MEANT[text] in shown[:3]


def test_every_beginning_is_answered(everything: Server) -> None:
    for text in ("cozy bear", "t1059.001", "%_\\'\"<", "\x00a", "é", "汉字", "a" * 900):
        for length in range(len(text[:12]) + 1):
            groups(everything, text[:length])
        groups(everything, text)


def test_a_former_name_says_until_when(everything: Server) -> None:
    former = next(group for group in groups(everything, "Bash Hist") if group["title"] == "Former names")
    assert [(row["id"], row["name"], row["why"]) for row in former["rows"]] == [
        ("T1552.003", "Shell History", "called Bash History until 17.1")
    ]


def test_the_open_release_comes_first(everything: Server) -> None:
    found = groups(everything, "bash hist", kb="attack-enterprise", release="17.1")
    assert found[0]["title"] == "In ATT&CK Enterprise 17.1"
    named = {row["address"]: row for row in found[0]["rows"]}
    assert named["/attack-enterprise/17.1/T1552.003"]["name"] == "Bash History"
    # A release that is not there is none.
    assert groups(everything, "bash hist", kb="attack-enterprise", release="1.0") == groups(everything, "bash hist")


def test_each_row_says_why_it_is_there(everything: Server) -> None:
    whys = {row["id"]: row["why"] for group in groups(everything, "cozy b") for row in group["rows"]}
    assert whys["G0016"] == "also known as Cozy Bear"
    whys = {row["name"]: row["why"] for group in groups(everything, "T1086") for row in group["rows"]}
    assert whys["PowerShell"] == "revoked, now T1059.001"


def test_a_word_is_looked_for_in_descriptions_from_its_second_letter_on(everything: Server) -> None:
    assert [group["title"] for group in groups(everything, "c")] == ["Ids, names and aliases"]
    assert "In descriptions" in [group["title"] for group in groups(everything, "co")]
    assert groups(everything, "adversaries q") == groups(everything, "adversaries")
    assert groups(everything, "adversaries qu") != groups(everything, "adversaries")


def test_words_of_sources_are_found_if_nothing_else_is(everything: Server) -> None:
    (found,) = groups(everything, "log4j")
    assert "/attack-enterprise/18.1/G0059" in [row["address"] for row in found["rows"]]
    # The sources of three programs mention HIVE0154, another name of Mustang Panda.
    (found,) = groups(everything, "hive015")
    assert [row["id"] for row in found["rows"]] == ["G0129"]


def pages_in(server: Server, text: str, **more: str) -> list[str]:
    """The addresses of the pages that the palette shows."""
    return [row["address"] for one in groups(server, text, **more) if one["title"] == "Pages" for row in one["rows"]]


def test_pages_are_found_by_their_words(everything: Server) -> None:
    here = {"kb": "attack-enterprise", "release": "18.1"}
    assert pages_in(everything, "matrix", **here) == ["/attack-enterprise/18.1/matrix"]
    assert pages_in(everything, "comp", **here) == ["/attack-enterprise/18.1/compare"]
    assert pages_in(everything, "changes 17.1", **here) == ["/attack-enterprise/18.1/changes?since=17.1"]
    assert pages_in(everything, "Changes", **here)[0] == "/attack-enterprise/18.1/changes"
    for text, address in {
        "desk": "/desk",
        "data": "/data",
        "help": "/help",
        "keys": "/help",
        "api": "/help/api",
    }.items():
        assert address in pages_in(everything, text), text
        assert address in pages_in(everything, text, **here), text
        assert everything.get(address, accept="text/html").status_code == 200
    assert pages_in(everything, "matrix") == pages_in(everything, "d") == []
    # Weaknesses have no matrix.
    assert pages_in(everything, "matrix", kb="cwe", release="4.14") == []
