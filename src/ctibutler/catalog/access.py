"""API keys: shown once when they are created, stored as hashes."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.stix.times import now

LONGEST_NAME = 64
_START = "ctibutler_"
_LONGEST_KEY = 256
# A key in a text, percent-encoded or not.
_IN_TEXT = re.compile(rf"{_START[:-1]}(?:_|%5[Ff])[\w%-]{{20,}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """One API key without its secret. `hash` is the SHA-256 of the key in hex; times are microseconds."""

    name: str
    hash: str
    can_write: bool
    created: int
    last_used: int | None


def add_key(database: Database, name: str, can_write: bool = False) -> str:
    """Create a key and return it. It cannot be shown again.

    Raises InvalidRequest for a name that is taken, empty, too long or not printable.
    """
    wanted = name.strip()
    if not wanted or len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise InvalidRequest(f"the name of a key is 1 to {LONGEST_NAME} printable characters")
    # 256 random bits: a fast hash protects them as well as a slow one would, and every request computes it.
    key = _START + secrets.token_urlsafe(32)
    with database.note() as connection:
        if connection.row("SELECT 1 FROM api_key WHERE name = :name", name=wanted):
            raise InvalidRequest(f"a key named `{wanted}` already exists")
        connection.run(
            "INSERT INTO api_key (name, hash, can_write, created) VALUES (:name, :hash, :can_write, :created)",
            name=wanted,
            hash=_hash(key),
            can_write=int(can_write),
            created=now(),
        )
    return key


def keys(database: Database) -> list[Key]:
    """Return all keys, sorted by name."""
    with database.read() as connection:
        return all_keys(connection)


def all_keys(connection: Connection) -> list[Key]:
    """Return all keys, sorted by name."""
    rows = connection.rows("SELECT name, hash, can_write, created, last_used FROM api_key ORDER BY name")
    return [key_of(row) for row in rows]


def remove_key(database: Database, name: str) -> None:
    """Delete a key.

    Raises NotFound if no key has this name.
    """
    with database.note() as connection:
        if not connection.run("DELETE FROM api_key WHERE name = :name", name=name.strip()):
            raise NotFound(f"no key named `{name}`")


def check(database: Database, presented: str) -> Key | None:
    """Return the key that was presented, or None if we do not know it."""
    return matching(keys(database), presented)


def matching(known: Iterable[Key], presented: str) -> Key | None:
    """Return which of these keys was presented, or None. The time it takes does not depend on the answer."""
    asked = _hash(presented[:_LONGEST_KEY])
    found = None
    for key in known:
        if hmac.compare_digest(key.hash, asked):
            found = key
    return found


def without_keys(text: str) -> str:
    """Return a text for the log, with a mark in place of every API key in it."""
    return _IN_TEXT.sub(f"{_START}***", text)


def used(database: Database, name: str) -> None:
    """Record that a key was used now."""
    with database.note() as connection:
        connection.run("UPDATE api_key SET last_used = :moment WHERE name = :name", moment=now(), name=name)


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "replace")).hexdigest()


def key_of(row: Any) -> Key:
    """Return the key of a row of `api_key`."""
    return Key(row.name, row.hash, bool(row.can_write), row.created, row.last_used)
