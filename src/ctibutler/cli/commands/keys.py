"""The commands about API keys."""

from __future__ import annotations

from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, group, option
from ctibutler.cli.options import JsonOption
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest


def add(
    context: click.Context,
    name: Annotated[str, argument("NAME", "Who or what the key is for.")],
    write: Annotated[bool, option("--write", help="Let it install and remove, not only read.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it. It is shown this once: only its hash is kept."""
    from ctibutler.catalog.access import add_key

    session = session_of(context)
    if not name.strip():
        raise InvalidRequest("NAME: say who or what the key is for")
    with session.library() as library:
        key = add_key(library.database, name.strip(), write)
    if as_json:
        output.write_json({"name": name.strip(), "can_write": write, "key": key})
        return
    output.line(key)
    output.note("Send it in the header API-KEY, or as Authorization: Bearer. It is not shown again.")


def list_keys(context: click.Context, as_json: JsonOption = False) -> None:
    """List the keys: their names, what they may do, when they were last used."""
    from ctibutler.catalog.access import keys

    session = session_of(context)
    with session.library() as library:
        found = keys(library.database)
    rows = [
        {
            "name": key.name,
            "can_write": key.can_write,
            "created": _time(key.created),
            "last_used": _time(key.last_used),
        }
        for key in found
    ]
    if as_json:
        output.write_json({"keys": rows})
        return
    write_table(
        [Column("NAME"), Column("MAY"), Column("MADE"), Column("LAST USED")],
        [
            [
                str(row["name"]),
                "read, write" if row["can_write"] else "read",
                str(row["created"] or ""),
                str(row["last_used"] or "never"),
            ]
            for row in rows
        ],
    )
    if not rows:
        output.note("no keys")


def remove(
    context: click.Context,
    name: Annotated[str, argument("NAME", "The name that the key was made with.", candidates.key_name)],
) -> None:
    """End a key: from now on it opens nothing."""
    from ctibutler.catalog.access import remove_key

    session = session_of(context)
    with session.library() as library:
        remove_key(library.database, name)
    output.line(f"{name}: removed")


def _time(moment: int | None) -> str | None:
    from ctibutler.stix.times import rfc3339

    return None if moment is None else rfc3339(moment)


command = group(
    "Create, list and revoke API keys.",
    {
        "add": declared(add, "ctibutler keys add opencti --write"),
        "list": declared(list_keys, "ctibutler keys list --json"),
        "remove": declared(remove, "ctibutler keys remove opencti"),
    },
    "ctibutler keys add opencti",
    "ctibutler keys add me --write",
    "ctibutler keys list",
    "ctibutler keys remove opencti",
)
