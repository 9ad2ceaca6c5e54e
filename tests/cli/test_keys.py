"""Keys of the API."""

from __future__ import annotations

import re

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
    assert head == ["NAME", "ACCESS", "CREATED", "LAST USED"]
    assert (me[:2], opencti[:2]) == (["me", "read, write"], ["opencti", "read"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", me[2])
    assert me[3] == "never"
    again = command("keys", "add", "me")
    assert again.code == 2
    assert again.stderr == "ctibutler: a key named `me` already exists\n"
    assert command("keys", "remove", "you").stderr == "ctibutler: no key named `you`\n"
    command.done("keys", "remove", "me")
    assert [item["name"] for item in command.done("keys", "list", "--json").json["keys"]] == ["opencti"]
