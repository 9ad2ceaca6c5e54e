"""Reads on PostgreSQL: one round trip for a query, and connections that are used again as long as the server keeps them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ctibutler.catalog.engine import libpq, pool
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import StoreUnavailable
from tests.catalogue import POSTGRES_URL, Catalogues

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("postgresql")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Catalogues("postgresql", tmp_path) as made:
        yield made.empty()


def process_of(connection: Connection) -> int:
    return int(connection.value("SELECT pg_backend_pid()"))


def test_values_of_every_kind_come_back_as_they_are(database: Database) -> None:
    values = {"text": "Zürich 'quoted' %s :no", "number": 2**40, "small": -1, "bytes": b"\x00\xff", "nothing": None}
    with database.read() as connection:
        row = connection.row(
            "SELECT CAST(:text AS text) AS a, CAST(:number AS bigint) AS b, CAST(:small AS bigint) AS c,"
            " CAST(:bytes AS bytea) AS d, CAST(:nothing AS text) AS e, ':text' AS f, :number > :small AS g",
            **values,
        )
    assert tuple(row) == (*values.values(), ":text", True)
    assert row.a == values["text"]


@pytest.mark.parametrize("times", [1, libpq._PREPARED_AFTER + 2])
def test_lists_and_repeated_statements_find_the_same(database: Database, times: int) -> None:
    with database.read() as connection:
        for number in range(times):
            found = connection.rows(
                f"SELECT value FROM generate_series(1, :end) AS value WHERE value IN {connection.in_list('keys')}",
                end=10,
                keys=[3, number, 99],
            )
            assert {row.value for row in found} == ({3, number} if number else {3})


def test_more_statements_than_stay_prepared_still_run(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpq, "_MOST_PREPARED", 3)
    with database.read() as connection:
        for _ in range(libpq._PREPARED_AFTER + 3):
            for number in range(8):
                assert connection.value(f"SELECT {number} + :more", more=number) == 2 * number
        assert connection.value("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'read_%'") <= 4


def test_a_read_sees_one_state_from_its_first_query_on(database: Database) -> None:
    count = "SELECT count(*) FROM api_key"
    add = "INSERT INTO api_key (name, hash, can_write, created) VALUES ('later', '', 0, 1)"
    with database.read() as connection:
        assert connection.value(count) == 0
        with database.note() as other:
            other.run(add)
        assert connection.value(count) == 0
    with database.read() as connection:
        assert connection.value(count) == 1


def test_a_read_cannot_change_anything(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="read-only transaction"), database.read() as connection:
        connection.run("DELETE FROM api_key")


def test_a_connection_is_used_again_after_a_failed_query(database: Database) -> None:
    with database.read() as connection:
        first = process_of(connection)
    for failing in ("SELECT 1 / 0", "SELECT nothing_of_this_name"):
        with pytest.raises(psycopg.Error), database.read() as connection:
            connection.value(failing)
        with database.read() as connection:
            assert process_of(connection) == first


def test_a_connection_that_the_server_has_closed_is_not_used(database: Database) -> None:
    with database.read() as connection:
        gone = process_of(connection)
    with psycopg.connect(POSTGRES_URL, autocommit=True) as administrator:
        assert administrator.execute("SELECT pg_terminate_backend(%s, 5000)", (gone,)).fetchone() == (True,)
    with database.read() as connection:
        assert process_of(connection) != gone


def test_a_connection_that_is_lost_in_the_middle_says_so(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be used"), database.read() as connection:
        connection.value("SELECT pg_terminate_backend(pg_backend_pid())")
    with database.read() as connection:
        assert connection.value("SELECT 1") == 1


def test_other_threads_run_while_a_query_waits(database: Database) -> None:
    steps = threading.Event()

    def wait() -> None:
        with database.read() as connection:
            connection.value("SELECT pg_sleep(0.2)")
            connection.value("SELECT pg_sleep(0.2)")
        steps.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    turns = 0
    while not steps.wait(0.005):
        turns += 1
    waiting.join()
    assert turns > 8  # of 80: a query that held the lock of Python would leave two or three


def test_a_stream_and_queries_share_a_transaction(database: Database) -> None:
    with database.read() as connection:
        rows = [row.value for row in connection.stream("SELECT value FROM generate_series(1, :n) AS value", n=2500)]
        assert rows == list(range(1, 2501))
        assert connection.value("SELECT count(*) FROM api_key") == 0


def test_a_glance_does_not_wait_for_reads_that_hold_every_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pool.MOST, "postgresql", 1)
    monkeypatch.setattr(pool, "PATIENCE_SECONDS", 0.1)
    small = Database(database.url.text)
    with small.read() as connection:
        connection.value("SELECT 1")
        with pytest.raises(StoreUnavailable, match="all 1 connections"), small.read():
            pass
        with small.glance() as other:
            assert other.value("SELECT 1") == 1
    small.close()
