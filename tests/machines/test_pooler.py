"""Behind PgBouncer in transaction mode, every transaction may be run by another process of the server.

A large part of the suite runs through it with CTIBUTLER_TEST_THROUGH_POOLER=1; here is what would break first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctibutler.catalog.engine import libpq
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.urls import DatabaseUrl
from ctibutler.catalog.opening import open_catalogue
from ctibutler.importing.removal import truncate
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import POOLER_URL, Catalogues, install
from tests.server.serving import running

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("postgresql")]


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[Database]:
    """An empty catalogue behind the pooler."""
    if not POOLER_URL:
        pytest.skip("no PgBouncer (CTIBUTLER_TEST_POOLER_URL, as `scripts/services pgbouncer` prints it)")
    with Catalogues("postgresql", tmp_path) as made:
        database = open_catalogue(DatabaseUrl.parse(POOLER_URL).with_name(made.empty().url.name).text, HOSTED)
        yield database
        database.close()


def test_nothing_stays_prepared_on_a_server_that_is_shared(pooled: Database) -> None:
    for number in range(libpq._PREPARED_AFTER * 5):
        with pooled.read() as connection:
            assert connection.value("SELECT CAST(:number AS bigint)", number=number) == number
    for _ in range(10):  # psycopg prepares what it runs for the sixth time
        with pooled.note() as connection:
            connection.run("UPDATE job SET state = state WHERE job_id = :id", id="none")
    with pooled.read() as connection:
        assert connection.value("SELECT count(*) FROM pg_prepared_statements") == 0


def test_threads_that_read_while_releases_come_and_go_see_whole_states(pooled: Database) -> None:
    failures: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with pooled.read() as connection:
                releases = connection.value("SELECT count(*) FROM release")
                members = connection.value("SELECT count(*) FROM member")
                if bool(releases) != bool(members):
                    failures.append((releases, members))

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(3):
            install(pooled, "tlp@2")
            truncate(pooled, HOSTED.named("tlp"))
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not failures


def test_the_api_answers_through_it(pooled: Database) -> None:
    install(pooled, "tlp@2")
    with running(pooled) as server:
        assert {server.total("/api/v1/tlp/objects/") for _ in range(12)} == {5}
        assert server.get("/api/v1/tlp/versions/2/bundle/").status_code == 200
        assert server.get("/api/readiness/").json()["status"] == "ready"
