"""The commands `keys add`, `keys list` and `keys remove`."""

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
    write: Annotated[bool, option("--write", help="Allow installing and removing releases.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Create an API key and print it.

    It is printed only once: the database keeps only its hash.
    """
    from ctibutler.catalog.access import add_key

    session = session_of(context)
    if not name.strip():
        raise InvalidRequest("NAME: give the key a name that says who or what it is for")
    with session.library() as library:
        key = add_key(library.database, name.strip(), write)
    if as_json:
        output.write_json({"name": name.strip(), "can_write": write, "key": key})
        return
    output.line(key)
    output.note("Send it in the header API-KEY, or as a bearer token. It is not shown again.")


def list_keys(context: click.Context, as_json: JsonOption = False) -> None:
    """List API keys, and how many browsers are signed in with each."""
    from ctibutler.catalog.access import keys
    from ctibutler.catalog.sign_ins import count_by_key
    from ctibutler.stix.times import now

    session = session_of(context)
    with session.library() as library:
        found = keys(library.database)
        signed_in = count_by_key(library.database, now())
    rows = [
        {
            "name": key.name,
            "can_write": key.can_write,
            "created": _time(key.created),
            "last_used": _time(key.last_used),
            "sign_ins": signed_in.get(key.name, 0),
        }
        for key in found
    ]
    if as_json:
        output.write_json({"keys": rows})
        return
    write_table(
        [Column("NAME", cut="last"), Column("ACCESS"), Column("CREATED"), Column("LAST USED"), Column("SIGN-INS")],
        [
            [
                str(row["name"]),
                "read, write" if row["can_write"] else "read",
                output.time_text(row["created"]),
                output.time_text(row["last_used"]) or "never",
                str(row["sign_ins"]),
            ]
            for row in rows
        ],
    )
    if not rows:
        output.note("no keys")


def remove(
    context: click.Context,
    name: Annotated[str, argument("NAME", "The name of the key.", candidates.key_name)],
) -> None:
    """Delete an API key.

    It stops working at once, and signs out every browser that is signed in with it.
    """
    from ctibutler.catalog.access import remove_key

    session = session_of(context)
    with session.library() as library:
        remove_key(library.database, name)
    output.line(f"{name}: removed")


def _time(moment: int | None) -> str | None:
    from ctibutler.stix.times import rfc3339

    return None if moment is None else rfc3339(moment)


command = group(
    "Manage API keys.",
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
