"""Keys of the API."""

from __future__ import annotations

import re

from ctibutler.catalog import access, sign_ins
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.times import now
from tests.cli.command import Command


def test_a_key_is_shown_once_and_revoked_by_its_name(command: Command) -> None:
    key = command.done("keys", "add", "opencti").stdout.strip()
    written = command.done("keys", "add", "me", "--write", "--json").json
    assert written == {"name": "me", "can_write": True, "key": written["key"]}
    assert key != written["key"]
    listed = command.done("keys", "list", "--json")
    assert key not in listed.stdout
    assert [(item["name"], item["can_write"], item["last_used"]) for item in listed.json["keys"]] == [
        ("me", True, None),
        ("opencti", False, None),
    ]
    table = command.done("keys", "list").stdout
    assert key not in table
    head, me, opencti = (re.split(r"  +", line) for line in table.splitlines())
    assert head == ["NAME", "ACCESS", "CREATED", "LAST USED", "SIGN-INS"]
    assert (me[:2], opencti[:2]) == (["me", "read, write"], ["opencti", "read"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", me[2])
    assert me[3:] == ["never", "0"]
    again = command("keys", "add", "me")
    assert again.code == 2
    assert again.stderr == "ctibutler: a key named `me` already exists\n"
    assert command("keys", "remove", "you").stderr == "ctibutler: no key named `you`\n"
    command.done("keys", "remove", "me")
    assert [item["name"] for item in command.done("keys", "list", "--json").json["keys"]] == ["opencti"]


def test_a_list_tells_how_many_are_signed_in_with_a_key_and_removing_it_signs_them_out(command: Command) -> None:
    for name in ("me", "opencti"):
        command.done("keys", "add", name)
    database = open_catalogue(f"sqlite:///{command.folder}/data/ctibutler.sqlite", HOSTED)
    try:
        me = access.keys(database)[0]
        secrets = [sign_ins.add(database, me, now()) for _ in range(3)]
        sign_ins.end(database, secrets.pop())
        assert _signed_in(command) == {"me": 2, "opencti": 0}
        assert [line.split()[-1] for line in command.done("keys", "list").stdout.splitlines()[1:]] == ["2", "0"]
        command.done("keys", "remove", "me")
        assert _signed_in(command) == {"opencti": 0}
        assert [sign_ins.find(database, secret, now()) for secret in secrets] == [None, None]
    finally:
        database.close()


def _signed_in(command: Command) -> dict[str, int]:
    return {item["name"]: item["sign_ins"] for item in command.done("keys", "list", "--json").json["keys"]}
