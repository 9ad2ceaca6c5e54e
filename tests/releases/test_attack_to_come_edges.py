"""A possible future ATT&CK, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.answers.walking import ids
from tests.cli.command import Command
from tests.releases.come import NEW_TYPES, SLUG, Come, as_written, by_content
from tests.releases.to_come import (
    AFTER,
    BEFORE,
    FIRST_PLAYBOOK,
    HEIR,
    MADE_MEASURE,
    MEASURE,
    NEW_NUMBER,
    OLD_PLAYBOOK,
    PLAYBOOK,
    SECOND_CHILD_NUMBER,
    number_of,
)
from tests.server.serving import Server, running


@pytest.fixture(scope="module")
def server(come: Come) -> Iterator[Server]:
    """A server over that catalogue."""
    with running(come.library.database) as started:
        yield started


# --- over HTTP


def test_http_answers_agree_with_plain_python(come: Come, server: Server) -> None:
    base = f"/api/v1/{SLUG}/"
    assert server.total(f"{base}objects/") == len(come.expected())
    assert server.total(f"{base}objects/?attack_version={BEFORE}&types={PLAYBOOK}") == 0
    for query, wanted in (
        (f"types={PLAYBOOK}", {FIRST_PLAYBOOK}),
        (f"type={PLAYBOOK}&include_deprecated=true", {FIRST_PLAYBOOK, OLD_PLAYBOOK}),
        (f"types={PLAYBOOK},{MEASURE}&types=x-mitre-nothing", {FIRST_PLAYBOOK, MADE_MEASURE}),
        ("types=x-mitre-nothing", set()),
        ("types=x-mitre-collection", set()),
        ("attack_id=pb.ics-0001,T0990", {FIRST_PLAYBOOK, HEIR}),
        ("text=muted+annunciator", {FIRST_PLAYBOOK}),
        ("alias=quiet+relay&attack_version=19_0", {FIRST_PLAYBOOK}),
    ):
        found = server.get(f"{base}objects/?{query}").json()["objects"]
        assert {stix["id"] for stix in found} == wanted, query
    for object_id in ("PB.ICS-0001", FIRST_PLAYBOOK, "pb.ics-0001"):
        path = f"{base}objects/{object_id}/"
        answer = server.get(path)
        assert as_written(answer.json()["objects"]) == as_written([come.after[FIRST_PLAYBOOK]])
        assert server.total(f"{path}relationships/") == len(come.sros(FIRST_PLAYBOOK))
        bundle = server.get(f"{path}bundle/?format=stix").json()
        assert by_content(bundle["objects"]) == by_content(come.bundle(FIRST_PLAYBOOK, embedded_sros=False))
        assert server.get(f"{path}versions/").json() == [
            {"modified": come.after[FIRST_PLAYBOOK]["modified"], "versions": [AFTER]}
        ]
        assert server.get(f"{path}navigator/").json()["versions"]["attack"] == AFTER
    assert server.get(f"{base}objects/TA0112/navigator/").status_code == 400
    (best, *_) = server.get("/api/v1/search/?text=z%C3%A4hlerstille&sort=relevance_descending").json()["objects"]
    assert best["id"] == FIRST_PLAYBOOK
    assert server.total(f"/api/v1/search/?types={PLAYBOOK}&include_deprecated=true") == 2
    for kind in ("sdos", "sdos/knowledgebases"):
        assert server.total(f"/api/v1/objects/{kind}/?types={PLAYBOOK}") == 2
    assert server.get("/api/v1/objects/PB.ICS-0001/").json()["id"] == FIRST_PLAYBOOK


def test_the_error_about_an_old_external_id_says_how_to_see_the_object(come: Come, server: Server) -> None:
    old, new = next(iter(come.made.renumbered.items()))
    path = f"/api/v1/{SLUG}/objects/{number_of(come.before[old])}/"
    hidden = server.get(path)
    assert hidden.status_code == 404
    assert hidden.json()["details"]["error"].endswith("is revoked; pass include_revoked=true to see it")
    (sro,) = server.get(f"{path}relationships/?include_revoked=true&relationship_type=revoked-by").json()[
        "relationships"
    ]
    assert sro["target_ref"] == new
    bundle = server.get(f"{path}bundle/?include_revoked=true&types=attack-pattern&page_size=1000").json()["objects"]
    assert bundle[0]["id"] == old
    assert new in ids(bundle)


def test_changes_and_the_whole_release_are_answered_over_http(come: Come, server: Server) -> None:
    base = f"/api/v1/{SLUG}/versions/{AFTER}/"
    answer = server.get(f"{base}changes/?types={PLAYBOOK}&sort=name_descending").json()
    assert [(row["external_id"], row["change"]) for row in answer["changes"]] == [
        ("PB.ICS-0001", "added"),
        ("PB.ICS-0002", "added"),
    ]
    assert answer["counts"]["added"] == len(come.after.keys() - come.before.keys())
    exported = server.get(f"{base}bundle/").json()
    assert as_written(exported["objects"]) == as_written(come.made.after)
    assert server.get(base).json()["counts_by_type"][PLAYBOOK] == 2


# --- on the command line


@pytest.fixture
def command(come: Come, tmp_path: Path) -> Command:
    """The command, without a catalogue: that is at `url`."""
    return Command(tmp_path)


@pytest.fixture
def url(come: Come) -> str:
    """The URL of the catalogue."""
    return come.library.database.url.text


def test_the_command_lists_a_type_that_an_installed_release_has(command: Command, url: str) -> None:
    words = ("list", SLUG, "--json")
    answer = command.done(*words, "--type", PLAYBOOK, CTIBUTLER_DATABASE_URL=url).json
    assert ids(answer["objects"]) == [FIRST_PLAYBOOK]
    several = command.done(
        *words, "--type", f"{PLAYBOOK},{MEASURE.upper()}", "--include-deprecated", CTIBUTLER_DATABASE_URL=url
    ).json
    assert set(ids(several["objects"])) == {FIRST_PLAYBOOK, OLD_PLAYBOOK, MADE_MEASURE}
    table = command.done("list", SLUG, "--type", PLAYBOOK, CTIBUTLER_DATABASE_URL=url).stdout
    assert table.splitlines()[1].split(maxsplit=2) == ["PB.ICS-0001", "Playbook", "Silent Substation Drill"]
    older = command.done(*words, "--type", PLAYBOOK, "--release", BEFORE, CTIBUTLER_DATABASE_URL=url).json
    assert older["objects"] == []


def test_the_command_refuses_an_unknown_type_and_names_the_known_ones(command: Command, url: str) -> None:
    for wrong in ("x-mitre-nothing", "x-mitre-collection", "relationship"):
        outcome = command("list", SLUG, "--type", wrong, CTIBUTLER_DATABASE_URL=url)
        assert outcome.code == 2
        assert f"has no type `{wrong}`" in outcome.stderr
    unlike_all = command("list", SLUG, "--type", "zzzz", CTIBUTLER_DATABASE_URL=url).stderr
    assert "choose from" in unlike_all
    assert all(known in unlike_all for known in ("Sub-technique", "Tactic", *NEW_TYPES))
    other = command("list", "cwe", "--type", PLAYBOOK, CTIBUTLER_DATABASE_URL=url)
    assert other.code == 2
    assert "choose from weakness, grouping\n" in other.stderr


def test_other_commands_accept_new_types_too(command: Command, url: str) -> None:
    assert (
        command.done("get", "pb.ics-0001", "--json", CTIBUTLER_DATABASE_URL=url).json["object"]["id"] == FIRST_PLAYBOOK
    )
    assert "Silent Substation Drill" in command.done("get", "PB.ICS-0001", CTIBUTLER_DATABASE_URL=url).stdout
    found = command.done("search", "quiet relay", "--type", PLAYBOOK, "--json", CTIBUTLER_DATABASE_URL=url).json
    assert ids(found["objects"]) == [FIRST_PLAYBOOK]
    made = command.done("navigator", "PB.ICS-0001", CTIBUTLER_DATABASE_URL=url).json
    assert [entry["techniqueID"] for entry in made["techniques"]] == [NEW_NUMBER, SECOND_CHILD_NUMBER]
    changed = command.done("changes", SLUG, BEFORE, AFTER, "--type", PLAYBOOK, "--json", CTIBUTLER_DATABASE_URL=url)
    assert {row["id"] for row in changed.json["changes"]} == {FIRST_PLAYBOOK, OLD_PLAYBOOK}
