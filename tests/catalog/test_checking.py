"""A check of the catalogue finds every damage, and says where it is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ctibutler.catalog.access import add_key
from ctibutler.catalog.checking import check, check_in
from ctibutler.catalog.checking.findings import Finding
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.migrations import index_names
from ctibutler.catalog.opening import open_catalogue
from ctibutler.catalog.tables import TABLES
from ctibutler.knowledge_bases import HOSTED
from ctibutler.requesting import InstallRequest, add_install
from tests.catalogue import Catalogues, file_of, install, link, made_content
from tests.faults.small import NAME, small_bundle

WEAKNESSES: list[dict[str, Any]] = [
    {
        "type": "weakness",
        "spec_version": "2.1",
        "id": f"weakness--{UUID(int=number)}",
        "created_by_ref": f"identity--{UUID(int=1)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": f"Weakness number {number}",
        "description": f"What weakness {number} is about. " * (900 if number == 1 else 5),
        "external_references": [
            {"source_name": "cwe", "external_id": f"CWE-{number}"},
            {"source_name": "capec", "external_id": f"CAPEC-{number}"},
        ],
        "object_marking_refs": [f"marking-definition--{UUID(int=2)}"],
    }
    for number in range(1, 70)
]
WEAKNESSES.append(
    {
        "type": "relationship",
        "spec_version": "2.1",
        "id": f"relationship--{UUID(int=1)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "relationship_type": "ChildOf",
        "source_ref": WEAKNESSES[20]["id"],
        "target_ref": WEAKNESSES[21]["id"],
    }
)
PATTERNS: list[dict[str, Any]] = [
    {
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": f"attack-pattern--{UUID(int=number)}",
        "created": "2020-01-01T00:00:00.000Z",
        "modified": "2020-01-02T00:00:00.000Z",
        "name": f"Pattern number {number}",
        "external_references": [{"source_name": "capec", "external_id": f"CAPEC-{number}"}],
    }
    for number in range(1, 70)
]
DETAILS = {
    weakness["id"]: {
        "notes": f"A note on {weakness['name']}",
        "related_weaknesses": [{"nature": "ChildOf", "cwe_id": f"CWE-{number + 1}", "view_id": "1000"}],
    }
    for number, weakness in enumerate(WEAKNESSES[:-1], start=1)
}

# What nothing else in the catalogue tells: where a release came from, when something happened, jobs, keys and offers.
UNTOLD = {
    "catalogue": {"revision", "contract", "stemmer"},
    "release": {
        *("source", "location", "file_name", "size", "sha256", "converter", "converter_version", "fetched_at"),
        *("mapping", "installed_at", "job_id", "ignore_embedded", "ignore_embedded_sro", "ignore_embedded_smo"),
    },
    "link_set": {"made_at"},
    "link": {"link_key"},  # nothing refers to it
    "dictionary": {"content"},  # below: a connection keeps the dictionaries that it has read
    "update_check": {"started_at", "ended_at", "report", "asked_at"},
    "offer": set(),
    "job": set(),
    "worker": set(),
    "api_key": set(),
    "sign_in": set(),
    "alembic_version": set(),
}
WHOLLY_UNTOLD = {"offer", "job", "worker", "api_key", "sign_in", "alembic_version"}


def fill(database: Database) -> None:
    """Fill every table that has to do with releases."""
    ics = json.dumps(small_bundle()).encode()
    install(database, "attack-ics@8.0", file_of("", "", ics, NAME))
    # Two releases, so that some rows are needed by both.
    install(database, "cwe@4.13", made_content([*WEAKNESSES[:60], WEAKNESSES[-1]], details=DETAILS))
    install(database, "cwe@4.14", made_content(WEAKNESSES, details=DETAILS))
    install(database, "capec@3.9", made_content(PATTERNS))
    link(database, "cwe-capec")
    add_key(database, "reader")
    with database.note() as connection:
        add_install(connection, HOSTED.named("tlp"), InstallRequest("1"))


@pytest.fixture(scope="module")
def whole(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A catalogue with something in every table. Tests undo their changes."""
    with Catalogues(engine, tmp_path_factory.mktemp("whole")) as made:
        database = made.empty()
        fill(database)
        yield database


class _Undo(Exception):
    pass


@contextmanager
def undone(database: Database) -> Iterator[Connection]:
    """A transaction whose changes are undone."""
    try:
        with database.write() as connection:
            yield connection
            raise _Undo
    except _Undo:
        pass


def found(connection: Connection) -> list[Finding]:
    return list(check_in(connection, HOSTED))


def a_row(connection: Connection, table: str, key: tuple[str, ...], column: str, which: str) -> Any:
    order = ", ".join(f"{name} {which}" for name in key)
    return connection.row(
        f"SELECT {', '.join(key)}, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {order} LIMIT 1"
    )


def of_row(key: tuple[str, ...]) -> str:
    return " AND ".join(f"{name} = :{name}" for name in key)


def changed(value: object) -> object:
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"\x02"
    if isinstance(value, int):
        return 1 - value if value in (0, 1) else value + 1_000_003
    assert isinstance(value, str)
    return value + "x"


def test_a_whole_catalogue_has_no_findings(whole: Database) -> None:
    assert list(check(whole, HOSTED)) == []


def test_every_table_is_declared_with_all_of_its_keys(whole: Database) -> None:
    with whole.read() as connection:
        engines_own = {"sqlite_stat1", "sqlite_stat4"}
        names = connection.by_engine(
            sqlite="SELECT name FROM sqlite_master WHERE type = 'table'",
            postgresql="SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        )
        assert {row[0] for row in connection.rows(names)} - engines_own == {table.name for table in TABLES}
        for table in TABLES:
            row = connection.row(f"SELECT * FROM {table.name} LIMIT 1")
            if row is None:
                continue
            keys = {column for column in row._fields if column.endswith(("_key", "_release"))}
            declared = {*table.key, *table.refers_to}
            assert keys - {"sort_key"} <= declared, table.name


def test_every_index_is_looked_for(whole: Database) -> None:
    with whole.read() as connection:
        present = connection.by_engine(
            sqlite="SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
            postgresql="""SELECT indexrelid::regclass::text FROM pg_index
                           WHERE indrelid::regclass::text NOT LIKE 'pg_%' AND indrelid::regclass::text NOT LIKE 'information%'
                             AND NOT indisunique""",
        )
        assert {row[0] for row in connection.rows(present)} == index_names(whole.engine)


def test_a_row_that_is_deleted_from_any_table_is_found(whole: Database) -> None:
    for table in TABLES:
        if table.name in WHOLLY_UNTOLD:
            continue
        for which in ("ASC", "DESC"):
            with undone(whole) as connection:
                row = a_row(connection, table.name, table.key, table.key[0], which)
                assert row is not None, f"{table.name} is empty: the test would prove nothing"
                values = dict(zip(table.key, row, strict=False))
                assert connection.run(f"DELETE FROM {table.name} WHERE {of_row(table.key)}", **values) == 1
                assert found(connection), f"{table.name} without {values}"


def test_a_value_that_is_changed_in_any_column_is_found(whole: Database) -> None:
    overlooked = []
    for table in TABLES:
        if table.name in WHOLLY_UNTOLD:
            continue
        with whole.read() as connection:
            columns = connection.row(f"SELECT * FROM {table.name} LIMIT 1")._fields
        for column in set(columns) - UNTOLD.get(table.name, set()) - {"one"}:
            with undone(whole) as connection:
                row = a_row(connection, table.name, table.key, column, "ASC")
                if row is None:
                    assert column in {"mirrored_from"}, f"{table.name}.{column} is empty"
                    continue
                values = {f"{name}": value for name, value in zip(table.key, row, strict=False)}
                # Two rows with one key are refused by the database itself.
                elsewhere = row[-1] + 1_000_003 if column in ("place", "property") else changed(row[-1])
                connection.run(
                    f"UPDATE {table.name} SET {column} = :changed WHERE {of_row(table.key)}",
                    changed=elsewhere,
                    **values,
                )
                if not found(connection):
                    overlooked.append(f"{table.name}.{column} of {values}")
    assert overlooked == []


def test_a_row_too_many_is_found(whole: Database) -> None:
    with whole.read() as connection:
        small, sro = (
            connection.value("SELECT max(object_key) FROM object"),
            connection.value("SELECT min(object_key) FROM relationship"),
        )
        marks = [
            connection.value(f"SELECT max({name}) FROM {name.split('_')[0]}") for name in ("word_key", "identifier_key")
        ]
    rows: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
        "identifier": (("identifier_key", "stix_id"), (marks[1] + 1, "identity--nobody")),
        "dictionary": (("dictionary_key", "base_key", "content"), (999, marks[0] + 7, b"")),
        "body": (("object_key", "dictionary_key", "content"), (small + 1, 0, b"")),
        "head": (("object_key", "content"), (small, b"{}")),
        "relationship": (("object_key", "source_key", "target_key", "kind_key"), (small, 1, 1, 1)),
        "field": (("object_key", "name_key", "value"), (small, 1, "nothing")),
        "exact_name": (("object_key", "value", "rank"), (small, "nothing", 0)),
        "reference": (("source_key", "place", "kind_key", "target_key", "uuid"), (1, 99999, 1, 1, b"1" * 16)),
        "object_reference": (("object_key", "first_place", "last_place"), (small, 9, 9)),
        "term": (("term_key", "word", "stem"), (99999, "zebra", "zebra")),
        "posting": (("term_key", "property", "first_key", "holders", "counts"), (1, 0, sro, b"\x00", b"")),
    }
    for table, (columns, values) in rows.items():
        with undone(whole) as connection:
            connection.insert(table, columns, [values])
            assert {finding.table for finding in found(connection)} & {table, "reference"}, table


def test_a_word_too_many_or_too_few_in_the_text_index_is_found(whole: Database) -> None:
    from ctibutler.catalog.text import forget_texts, index_texts

    with whole.read() as connection:
        key = connection.value("SELECT max(object_key) FROM object")
    for name, description in (("Weakness number", ""), ("Pattern number 69 zebra", ""), ("", "Pattern number 69")):
        with undone(whole) as connection:
            forget_texts(connection, [key])
            index_texts(connection, [(key, name, description)])
            assert {finding.table for finding in found(connection)} == {"posting"}


def test_a_finding_says_where_and_what(whole: Database) -> None:
    wanted = f"weakness--{UUID(int=7)}"
    with undone(whole) as connection:
        key = connection.value(
            "SELECT object_key FROM object JOIN identifier USING (identifier_key) WHERE stix_id = :wanted",
            wanted=wanted,
        )
        connection.run("UPDATE object SET name = 'another' WHERE object_key = :key", key=key)
        assert found(connection) == [
            Finding(
                "object",
                f"{wanted} (object_key {key})",
                "name is 'another', but its bytes say 'weakness number 7'",
            )
        ]


def test_a_missing_index_is_found(whole: Database) -> None:
    for name in sorted(index_names(whole.engine)):
        with undone(whole) as connection:
            connection.script([f"DROP INDEX {name}"])
            assert Finding("index", name, "is missing") in found(connection)


def test_a_damaged_dictionary_is_found(catalogues: Catalogues) -> None:
    whole = catalogues.empty()
    fill(whole)
    with whole.write() as connection:
        row = connection.row("SELECT dictionary_key, content FROM dictionary ORDER BY dictionary_key LIMIT 1")
        half = len(row.content) // 2
        damaged = bytes(row.content[:half]) + bytes(byte ^ 0xFF for byte in bytes(row.content[half:]))
        connection.run(
            "UPDATE dictionary SET content = :damaged WHERE dictionary_key = :key",
            damaged=damaged,
            key=row.dictionary_key,
        )
    findings = list(check(catalogues.again(whole), HOSTED))
    assert {finding.table for finding in findings} & {"body", "detail", "link"}


def test_damage_in_the_file_itself_is_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    database = open_catalogue(f"sqlite:///{path}", HOSTED)
    fill(database)
    database.close()
    with sqlite3.connect(path) as raw:
        page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'object_by_identifier'").fetchone()[0]
        size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    content = bytearray(path.read_bytes())
    # The first entry of the index is at the end of its page.
    content[page * size - 1] ^= 1
    path.write_bytes(content)
    damaged = Database(f"sqlite:///{path}", read_only=True)
    findings = list(check(damaged, HOSTED))
    damaged.close()
    assert "object_by_identifier" in " ".join(finding.what for finding in findings if finding.table == "database")
