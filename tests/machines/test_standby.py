"""Reads from a streaming standby: a real primary and a real standby of Debian's PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from ctibutler.app import create_app
from ctibutler.catalog import sign_ins
from ctibutler.catalog.access import add_key, keys, remove_key
from ctibutler.catalog.engine import standby as watching
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.opening import open_catalogue
from ctibutler.errors import InvalidRequest, StoreUnavailable
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.times import now
from tests.catalogue import install
from tests.cli.test_serving import eventually
from tests.configured import settings_with
from tests.machines.postgres_servers import PostgresServer, primary, standby_of
from tests.server.serving import Server, running

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("postgresql")]

PROCESS = "SELECT system_identifier FROM pg_control_system()"
IS_STANDBY = "SELECT pg_is_in_recovery()"
OBJECTS = "/api/v1/tlp/objects/"
VERSIONS = "/api/v1/tlp/versions/installed/"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with primary() as first, standby_of(first) as second:
        yield first, second


@contextmanager
def opened(first: PostgresServer, second: PostgresServer, most_seconds: float = 10.0) -> Iterator[Database]:
    """A catalogue whose reads go to the standby, which has caught up."""
    database = open_catalogue(first.url, HOSTED)
    database.read_from(second.url, most_seconds)
    try:
        eventually(lambda: database.standby is not None and database.standby.state == "used")
        yield database
    finally:
        database.close()


@pytest.fixture
def database(pair: tuple[PostgresServer, PostgresServer], monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(watching, "PROBE_SECONDS", 0.1)
    with opened(*pair) as both:
        yield both
        with psycopg.connect(pair[1].url, autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_resume()")
        for kb, label in (("tlp", "1"), ("tlp", "2"), ("sector", "1.0")):
            with both.read_newest() as read:
                there = read.value(
                    "SELECT 1 FROM release WHERE knowledge_base = :kb AND label = :label", kb=kb, label=label
                )
            if there:
                remove_release(both, HOSTED.named(kb), label)


def reads_from_standby(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.value(IS_STANDBY))


def revision(database: Database) -> int:
    with database.read() as connection:
        return int(connection.value("SELECT revision FROM catalogue"))


def test_reads_go_to_the_standby_and_changes_to_the_primary(database: Database) -> None:
    assert reads_from_standby(database)
    with database.glance() as connection:
        assert connection.value(IS_STANDBY)
    with database.read_newest() as connection:
        assert not connection.value(IS_STANDBY)
    install(database, "tlp@2")
    with database.write() as connection:
        assert not connection.value(IS_STANDBY)
    with database.note() as connection:
        assert not connection.value(IS_STANDBY)
    eventually(lambda: revision(database) >= 1 and reads_from_standby(database))


def test_a_standby_that_does_not_replay_is_never_read_behind_what_was_seen(
    database: Database, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    first, second = pair
    second.run("SELECT pg_wal_replay_pause()")
    install(database, "tlp@2")
    # Another process has changed the catalogue: this one may answer from before, as long as it has not seen more.
    assert reads_from_standby(database)
    before = revision(database)
    with database.read_newest() as connection:
        seen = connection.value("SELECT revision FROM catalogue")
    assert seen > before
    assert revision(database) == seen
    assert not reads_from_standby(database)
    second.run("SELECT pg_wal_replay_resume()")
    eventually(lambda: reads_from_standby(database))
    assert revision(database) == seen
    assert first.run("SELECT revision FROM catalogue") == seen


def test_a_standby_that_is_too_far_behind_is_not_read(
    pair: tuple[PostgresServer, PostgresServer], database: Database
) -> None:
    with opened(*pair, most_seconds=0.5) as strict:
        pair[1].run("SELECT pg_wal_replay_pause()")
        add_key(database, "later")  # no revision tells of it
        try:
            watched = strict.standby
            assert watched is not None
            eventually(lambda: watched.state == "behind")
            assert watched.lag_seconds > 0.5
            assert not reads_from_standby(strict)
        finally:
            pair[1].run("SELECT pg_wal_replay_resume()")
            with database.note() as connection:
                connection.run("DELETE FROM api_key")
        eventually(lambda: reads_from_standby(strict))


@contextmanager
def served(database: Database) -> Iterator[Server]:
    with running(database, settings_with(host="127.0.0.1", answer_cache_bytes=0)) as server:
        yield server


def test_a_standby_is_lost_and_comes_back_while_clients_read(
    database: Database, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    _, second = pair
    install(database, "tlp@2")
    eventually(lambda: reads_from_standby(database))
    statuses: set[int] = set()
    done = threading.Event()
    with served(database) as server:

        def read() -> None:
            while not done.is_set():
                statuses.add(server.get(OBJECTS).status_code)

        clients = [threading.Thread(target=read) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            second.stop()
            eventually(lambda: server.get("/api/readiness/").json()["checks"]["standby"] == "lost")
            assert server.total(OBJECTS) == 5
            assert "ctibutler_standby_used 0.0" in server.get("/api/metrics/").text
            second.start()
            eventually(lambda: server.get("/api/readiness/").json()["checks"]["standby"] == "used")
            assert "ctibutler_standby_used 1.0" in server.get("/api/metrics/").text
        finally:
            done.set()
            for client in clients:
                client.join()
    assert statuses == {200}


def test_a_client_never_goes_back_while_releases_come_and_go_and_the_standby_lags(
    database: Database, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    """TLP 1 and 2 are installed and removed in turn, so every state names its releases, and every answer one state."""
    _, second = pair
    answers: list[tuple[int, list[str]]] = []
    done = threading.Event()
    other = open_catalogue(pair[0].url, HOSTED)

    def change() -> None:
        for turn in range(6):
            second.run("SELECT pg_wal_replay_pause()")
            install(other, f"tlp@{turn % 2 + 1}")
            if turn:
                remove_release(other, HOSTED.named("tlp"), str((turn + 1) % 2 + 1))
            second.run("SELECT pg_wal_replay_resume()")
        done.set()

    install(database, "sector@1.0")
    changing = threading.Thread(target=change)
    changing.start()
    try:
        while not done.is_set():
            with database.read() as connection:
                labels = [
                    row.label for row in connection.rows("SELECT label FROM release WHERE knowledge_base = 'tlp'")
                ]
                answers.append((connection.value("SELECT revision FROM catalogue"), sorted(labels)))
            if len(answers) % 7 == 0:  # now and then a question about jobs
                with database.read_newest() as connection:
                    answers.append((connection.value("SELECT revision FROM catalogue"), []))
    finally:
        changing.join()
        other.close()
    revisions = [number for number, _ in answers]
    assert revisions == sorted(revisions)
    assert len(set(revisions)) > 2
    for number in set(revisions):
        assert len({tuple(labels) for at, labels in answers if at == number and labels}) <= 1


def test_sign_ins_are_asked_of_the_primary_and_of_the_standby_only_while_it_is_lost(
    database: Database, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    first, second = pair
    add_key(database, "reader")
    [key] = eventually(lambda: keys(database))
    second.run("SELECT pg_wal_replay_pause()")
    try:
        secret, other = (sign_ins.add(database, key, now()) for _ in range(2))
        assert sign_ins.find(database, secret, now()) is not None, "as soon as it is written"
        sign_ins.end(database, secret)
        assert sign_ins.find(database, secret, now()) is None, "as soon as it is ended"
    finally:
        second.run("SELECT pg_wal_replay_resume()")
    eventually(lambda: second.run("SELECT count(*) FROM sign_in") == 1)
    first.stop()
    try:
        eventually(lambda: reads_from_standby(database))
        found = sign_ins.find(database, other, now())
        assert found is not None
        assert found.key.name == "reader"
        assert sign_ins.find(database, secret, now()) is None
        with pytest.raises(StoreUnavailable):
            sign_ins.end(database, other)
    finally:
        first.start()
        remove_key(database, "reader")


def test_only_postgresql_has_standbys(pair: tuple[PostgresServer, PostgresServer]) -> None:
    for url in ("sqlite:////tmp/x.sqlite", "mysql://x"):
        settings = settings_with(database_url=pair[0].url, database_read_url=url)
        with pytest.raises(InvalidRequest, match="CTIBUTLER_DATABASE"):
            create_app(settings)


def test_a_standby_that_is_taken_for_the_database_says_that_it_can_only_be_read(
    database: Database, pair: tuple[PostgresServer, PostgresServer]
) -> None:
    eventually(lambda: reads_from_standby(database))
    alone = open_catalogue(pair[1].url, HOSTED)
    try:
        with pytest.raises(StoreUnavailable) as refused:
            add_key(alone, "nobody")
        assert refused.value.trouble == "read-only"
    finally:
        alone.close()
