"""The tables, version by version: SQL files that bring a database from one version of the schema to the next.

`a001.sql` is for both engines; `a001.sqlite.sql` or `a001.postgresql.sql` follows it where the engines differ. Words in
braces stand for what the engines call differently (`{int}`, `{text}`). A new version is a new file; no
released file is changed, because existing databases have run it. Statements end with a semicolon and contain no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database, first_line
from ctibutler.catalog.engine.dialect import Engine
from ctibutler.errors import StoreUnavailable

VERSIONS = ("a001", "a002", "a003", "a004", "a005", "a006", "a007", "a008", "a009")
CURRENT = VERSIONS[-1]

_FOLDER = Path(__file__).parent
# Both engines compare these texts as bytes, so that order and ties come out the same.
_WORDS = {
    "sqlite": {"text": "TEXT", "blob": "BLOB", "clustered": "WITHOUT ROWID", "int": "INTEGER"},
    "postgresql": {"text": 'TEXT COLLATE "C"', "blob": "BYTEA", "clustered": "", "int": "BIGINT"},
}
_CREATED_INDEX = re.compile(r"^CREATE (?:UNIQUE )?INDEX (\w+)", re.MULTILINE)
_DROPPED_INDEX = re.compile(r"^DROP INDEX (\w+)", re.MULTILINE)
# One row with the version of the schema. Alembic ran the first migrations and named this table: databases of that time
# have it, and their ctibutler can still open those that were made since.
_VERSION_TABLE = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""


# What follows the SQL of a version, where SQL is not enough.
Steps = Mapping[str, Callable[[Connection], None]]


def bring_up_to_date(database: Database, steps: Steps, target: str = CURRENT) -> None:
    """Create the tables, or change those of an earlier version; all of it, or nothing.

    Raises StoreUnavailable when the database cannot be reached or changed, or was written by a later version.
    """
    with database.read() as connection:
        if version_of(connection) == target:
            return
    try:
        with database.write() as connection:
            present = version_of(connection)
            if present:
                _drop_views(connection)
            for version in _missing(database, present, target):
                connection.script(_statements(connection.engine, version))
                if version in steps:
                    steps[version](connection)
                connection.run("UPDATE alembic_version SET version_num = :version", version=version)
    except database.driver.DatabaseError as failure:
        raise StoreUnavailable(f"{database}: cannot be brought up to date: {first_line(failure)}") from failure


def require_current(database: Database) -> None:
    """Check that the tables are there, in the version of this code.

    Raises StoreUnavailable if they are not.
    """
    with database.read() as connection:
        present = version_of(connection)
    if present != CURRENT:
        raise StoreUnavailable(f"{database}: no catalogue of this version of ctibutler")


def index_names(engine: Engine) -> set[str]:
    """Return the names of the indexes that the tables of this version have, besides those of primary keys."""
    statements = [statement for version in VERSIONS for statement in _statements(engine, version)]
    created, dropped = (
        {name for statement in statements for name in pattern.findall(statement)}
        for pattern in (_CREATED_INDEX, _DROPPED_INDEX)
    )
    return created - dropped


def version_of(connection: Connection) -> str | None:
    """The version of the tables, or None if there are none."""
    # Not to_regclass: it remembers that there was no table, even if another process has made it since.
    table = connection.by_engine(
        sqlite="SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
        postgresql="SELECT tablename FROM pg_tables"
        " WHERE tablename = 'alembic_version' AND schemaname = ANY (current_schemas(false))",
    )
    return connection.value("SELECT version_num FROM alembic_version") if connection.value(table) else None


def _drop_views(connection: Connection) -> None:
    """Drop the public views, which hold tables as they are; whoever opens the catalogue renews them."""
    _, *names = str(connection.value("SELECT contract FROM catalogue")).split() or [""]
    connection.script(f"DROP VIEW IF EXISTS {name}" for name in reversed(names))
    connection.run("UPDATE catalogue SET contract = ''")


def _missing(database: Database, present: str | None, target: str) -> tuple[str, ...]:
    """The versions that lie between the tables that are there and those that are wanted."""
    if present is None:
        return VERSIONS[: VERSIONS.index(target) + 1]
    if present not in VERSIONS:
        raise StoreUnavailable(f"{database}: written by a later version of ctibutler (its tables are of {present})")
    return VERSIONS[VERSIONS.index(present) + 1 : VERSIONS.index(target) + 1]


def _statements(engine: Engine, version: str) -> Iterator[str]:
    if version == VERSIONS[0]:
        yield _VERSION_TABLE
        yield f"INSERT INTO alembic_version (version_num) VALUES ('{version}')"
    for name in (f"{version}.sql", f"{version}.{engine}.sql"):
        path = _FOLDER / name
        if path.exists():
            statements = path.read_text().format(**_WORDS[engine]).split(";")
            yield from (statement for statement in statements if statement.strip())
