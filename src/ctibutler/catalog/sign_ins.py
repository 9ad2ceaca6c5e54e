"""Sign-ins: a browser that presented a key goes on with a random secret, which is stored as a hash beside that key.

A sign-in ends when it is ended, when nobody has used it for twelve hours, and with its key. Moments are microseconds.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from ctibutler.catalog.access import Key, key_of
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database

IDLE_SECONDS = 12 * 3600
# A use is recorded at most this often, so that reading stays reading.
RECORD_USE_EVERY = 60

_SECOND = 1_000_000
_SECRET_BYTES = 32
_LONGEST_SECRET = 256


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that has not ended. `hash` is the SHA-256 of its secret in hex, `key` what it stands for."""

    hash: str
    key: Key
    last_used: int

    def is_due(self, moment: int) -> bool:
        """Whether its use should be recorded again."""
        return moment - self.last_used >= RECORD_USE_EVERY * _SECOND


def add(database: Database, key: Key, moment: int) -> str:
    """Begin a sign-in with this key and return its secret. Those that are idle are deleted.

    Raises StoreUnavailable if nothing can be written.
    """
    # 256 random bits, as in a key: a fast hash is enough.
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with database.note() as connection:
        remove_idle(connection, moment)
        connection.run(
            "INSERT INTO sign_in (hash, key_name, created, last_used) VALUES (:hash, :key, :moment, :moment)",
            hash=_hash(secret),
            key=key.name,
            moment=moment,
        )
    return secret


def find(database: Database, secret: str, moment: int) -> SignIn | None:
    """Return the sign-in with this secret; None if there is none or it has ended.

    Raises StoreUnavailable.
    """
    with database.glance_newest() as connection:
        row = connection.row(
            """
            SELECT sign_in.hash AS sign_in, sign_in.last_used AS sign_in_last_used,
                   api_key.name, api_key.hash, api_key.can_write, api_key.created, api_key.last_used
              FROM sign_in
              JOIN api_key ON api_key.name = sign_in.key_name
             WHERE sign_in.hash = :hash
               AND sign_in.last_used > :idle_since
            """,
            hash=_hash(secret[:_LONGEST_SECRET]),
            idle_since=_idle_since(moment),
        )
    return None if row is None else SignIn(row.sign_in, key_of(row), row.sign_in_last_used)


def used(database: Database, sign_in: SignIn, moment: int) -> None:
    """Record that a sign-in was used, unless another process has just done so.

    Raises StoreUnavailable if nothing can be written.
    """
    with database.note() as connection:
        connection.run(
            "UPDATE sign_in SET last_used = :moment WHERE hash = :hash AND last_used <= :before",
            moment=moment,
            hash=sign_in.hash,
            before=moment - RECORD_USE_EVERY * _SECOND,
        )


def end(database: Database, secret: str) -> None:
    """End a sign-in, on every server of this database at once.

    Raises StoreUnavailable if nothing can be written.
    """
    with database.note() as connection:
        connection.run("DELETE FROM sign_in WHERE hash = :hash", hash=_hash(secret[:_LONGEST_SECRET]))


def remove_idle(connection: Connection, moment: int) -> None:
    """Delete the sign-ins that nobody has used for too long."""
    connection.run("DELETE FROM sign_in WHERE last_used <= :idle_since", idle_since=_idle_since(moment))


def has_idle(connection: Connection, moment: int) -> bool:
    """Return whether there is a sign-in that nobody has used for too long."""
    found = connection.value(
        "SELECT 1 FROM sign_in WHERE last_used <= :idle_since LIMIT 1", idle_since=_idle_since(moment)
    )
    return found is not None


def count_by_key(database: Database, moment: int) -> Mapping[str, int]:
    """Return the name of each key that somebody is signed in with → how many sign-ins it has."""
    with database.read() as connection:
        rows = connection.rows(
            "SELECT key_name, count(*) AS number FROM sign_in WHERE last_used > :idle_since GROUP BY key_name",
            idle_since=_idle_since(moment),
        )
    return {row.key_name: row.number for row in rows}


def _idle_since(moment: int) -> int:
    return moment - IDLE_SECONDS * _SECOND


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
