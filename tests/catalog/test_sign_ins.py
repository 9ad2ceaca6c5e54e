"""Sign-ins in the catalogue: what is stored of them, and what ends them. Moments are given, nothing waits."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ctibutler.answers.library import Library
from ctibutler.catalog import access, sign_ins
from ctibutler.catalog.checking import check
from ctibutler.catalog.copying import copy
from ctibutler.catalog.engine import migrations
from ctibutler.catalog.engine.database import Database
from ctibutler.knowledge_bases import HOSTED
from ctibutler.publishers.sources.offers import Sources
from ctibutler.worker.housekeeping import keep_house
from tests.catalogue import Catalogues
from tests.faults.processes import settings_of

START = 1_800_000_000_000_000
MINUTE, HOUR = 60_000_000, 3_600_000_000


@pytest.fixture
def database(catalogues: Catalogues) -> Database:
    """A catalogue with two keys."""
    made = catalogues.empty()
    access.add_key(made, "reader")
    access.add_key(made, "writer", can_write=True)
    return made


def key_named(database: Database, name: str) -> access.Key:
    return next(key for key in access.keys(database) if key.name == name)


def begun(database: Database, name: str = "reader", moment: int = START) -> str:
    return sign_ins.add(database, key_named(database, name), moment)


def key_of(database: Database, secret: str, moment: int = START) -> str | None:
    found = sign_ins.find(database, secret, moment)
    return None if found is None else found.key.name


def stored(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.rows("SELECT * FROM sign_in ORDER BY created, hash")]


def test_only_the_hash_of_a_long_random_secret_is_stored(database: Database) -> None:
    secrets = [begun(database) for _ in range(20)]
    assert len(set(secrets)) == 20
    assert all(len(secret) == 43 and secret.replace("-", "").replace("_", "").isalnum() for secret in secrets)
    hashes = sorted(sha256(secret.encode()).hexdigest() for secret in secrets)
    assert stored(database) == [(hash_, "reader", START, START) for hash_ in hashes]
    with database.read() as connection:
        everything = [str(tuple(row)) for row in connection.rows("SELECT * FROM sign_in")]
    assert not any(secret in row for secret in secrets for row in everything)


def test_a_secret_finds_its_key_and_nothing_else_does(database: Database) -> None:
    secret, other = begun(database), begun(database, "writer")
    assert (key_of(database, secret), key_of(database, other)) == ("reader", "writer")
    [hash_] = [row[0] for row in stored(database) if row[1] == "reader"]
    for forged in (
        "",
        secret[:-1],
        secret + "A",
        secret.swapcase(),
        hash_,
        "\ud7ff\udfff",
        "x" * 10_000,
        "' OR 1=1 --",
    ):
        assert key_of(database, str(forged)) is None


def test_a_sign_in_ends_after_twelve_hours_without_use(database: Database) -> None:
    secret = begun(database)
    assert key_of(database, secret, START + 12 * HOUR - 1) == "reader"
    assert key_of(database, secret, START + 12 * HOUR) is None
    found = sign_ins.find(database, secret, START + 11 * HOUR)
    assert found is not None
    sign_ins.used(database, found, START + 11 * HOUR)
    assert key_of(database, secret, START + 23 * HOUR - 1) == "reader"
    assert key_of(database, secret, START + 23 * HOUR) is None


def test_a_use_is_written_once_a_minute_whichever_process_sees_it(database: Database, catalogues: Catalogues) -> None:
    secret = begun(database)
    found = sign_ins.find(database, secret, START)
    assert found is not None
    assert [found.is_due(START + wait) for wait in (0, MINUTE - 1, MINUTE, 5 * MINUTE)] == [False, False, True, True]
    sign_ins.used(database, found, START + MINUTE)
    sign_ins.used(catalogues.again(database), found, START + MINUTE + 5)
    assert stored(database)[0][2:] == (START, START + MINUTE)


def test_each_sign_in_of_a_key_ends_alone_and_all_of_them_end_with_the_key(
    database: Database, catalogues: Catalogues
) -> None:
    elsewhere = catalogues.again(database)
    first, second, other = begun(database), begun(elsewhere), begun(database, "writer")
    assert sign_ins.count_by_key(database, START) == {"reader": 2, "writer": 1}
    sign_ins.end(database, first)
    assert [key_of(elsewhere, secret) for secret in (first, second, other)] == [None, "reader", "writer"]
    access.remove_key(database, "reader")
    assert [key_of(elsewhere, secret) for secret in (first, second, other)] == [None, None, "writer"]
    # A new key of the same name is another key.
    access.add_key(database, "reader")
    assert key_of(elsewhere, second) is None
    assert sign_ins.count_by_key(elsewhere, START) == {"writer": 1}


def test_a_worker_and_the_next_sign_in_remove_what_is_idle(database: Database) -> None:
    begun(database)
    late = begun(database, "writer", START + 13 * HOUR)
    assert [row[1] for row in stored(database)] == ["writer"]
    assert key_of(database, late, START + 13 * HOUR) == "writer"
    # START is years from the clock of this machine, in which the worker looks.
    with database.note() as connection:
        connection.run("UPDATE sign_in SET last_used = 1")
    settings = settings_of(database.url.text, "")
    keep_house(Library(database, HOSTED), settings, Sources(settings))
    assert stored(database) == []


def test_copies_have_keys_and_no_sign_ins(database: Database, catalogues: Catalogues) -> None:
    secret = begun(database)
    target = catalogues.empty()
    copy(database, target)
    assert [key.name for key in access.keys(target)] == ["reader", "writer"]
    assert key_of(target, secret) is None
    # What is replaced takes the sign-ins with it: their keys are not those of the copy.
    there = begun(target)
    copy(database, target, replace=True)
    assert stored(target) == []
    assert key_of(target, there) is None


def test_keys_of_an_earlier_version_can_be_signed_in_with(catalogues: Catalogues) -> None:
    old = catalogues.bare()
    migrations.bring_up_to_date(old, {}, "a008")
    access.add_key(old, "reader")
    opened = catalogues.again(old)
    secret = begun(opened)
    assert key_of(opened, secret) == "reader"
    access.remove_key(opened, "reader")
    assert stored(opened) == []


def test_a_sign_in_without_its_key_is_found_by_a_check(database: Database) -> None:
    begun(database)
    raw = database.connect()
    try:
        raw.execute(
            "PRAGMA foreign_keys = OFF" if database.engine == "sqlite" else "SET session_replication_role = replica"
        )
        raw.execute("DELETE FROM api_key WHERE name = 'reader'")
    finally:
        raw.close()
    assert len(stored(database)) == 1
    assert "sign_in" in {finding.table for finding in check(database, HOSTED)}
