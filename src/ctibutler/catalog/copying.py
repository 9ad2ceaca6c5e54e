"""Copies a whole catalogue into another database, on either engine: backups, restores and moves are such copies.

Everything is read in one transaction and written in one, so both see one state, and a copy that fails leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from hashlib import blake2b
from typing import Any

import msgspec

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.dialect import CLAIMING_LOCK
from ctibutler.catalog.engine.keys import DICTIONARIES_AT_ONCE
from ctibutler.catalog.jobs import any_running
from ctibutler.catalog.releases import revision
from ctibutler.catalog.tables import TABLES, Table
from ctibutler.errors import Busy, Problem, StoreUnavailable

Progress = Callable[[str, int, int | None], None]
"""Called repeatedly with a stage, how much of it is done, and how much there is in total."""

_AT_ONCE = 1000
_TRAVELLING = tuple(table for table in TABLES if table.travels)
# A catalogue with a row in one of these is not empty: they are what cannot be installed or asked for again by itself.
_VALUED = ("release", "api_key", "job")


@dataclass(frozen=True, slots=True)
class CopyReport:
    """How many rows of each table were copied, and verified by a hash of them all."""

    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Changes:
    """What differs between a row and its copy.

    Servers that use the target keep words and dictionaries by their key. So a word that the target has keeps its key, and a
    dictionary gets one that the target never had.
    """

    words: Mapping[int, int]
    dictionary_shift: int

    def of(self, table: Table, columns: Sequence[str]) -> list[tuple[int, Callable[[Any], Any]]]:
        """The places of the columns that change in rows of this table, and how."""
        kinds = dict(table.refers_to) | ({"dictionary_key": "dictionary"} if table.name == "dictionary" else {})
        change: dict[str, Callable[[Any], Any]] = {"word": self._word, "dictionary": self._dictionary}
        return [(place, change[kinds[column]]) for place, column in enumerate(columns) if kinds.get(column) in change]

    def _word(self, key: int) -> int:
        return self.words[key]

    def _dictionary(self, key: int) -> int:
        return key and key + self.dictionary_shift


def copy(
    source: Database, target: Database, *, replace: bool = False, progress: Progress = lambda *_: None
) -> CopyReport:
    """Copy a catalogue into another database, which has current tables. Readers of the target see all of it, or nothing.

    Jobs that have not ended and workers are not copied.

    Raises Problem if the target is not empty, unless `replace` is set, Busy if a job is running there, and StoreUnavailable
    if what was written is not what was read.
    """
    with source.read() as reading, target.write() as writing:
        _require_room(target, writing, replace)
        for table in reversed(_TRAVELLING):
            writing.run(f"DELETE FROM {table.name}")
        before = revision(writing)
        changes = _Changes(_add_words(reading, writing), DICTIONARIES_AT_ONCE * (before + 1))
        ticking = _Ticking(progress, _rows_to_copy(reading))
        copied = [_copy_table(reading, writing, table, changes, ticking) for table in _TRAVELLING]
        # Above every revision that either had, and high enough for the keys of dictionaries.
        writing.run("UPDATE catalogue SET revision = :revision", revision=before + revision(reading) + 2)
        writing.analyze()
        for made in copied:
            if _written(writing, made) != made:
                raise StoreUnavailable(
                    f"{target}: the rows of {made.table} are not those that were copied; nothing changed"
                )
    return CopyReport({made.table: made.rows for made in copied})


def is_empty(connection: Connection) -> bool:
    """Return whether a catalogue has no release, API key or job."""
    return not any(connection.value(f"SELECT 1 FROM {table} LIMIT 1") for table in _VALUED)


def _require_room(target: Database, connection: Connection, replace: bool) -> None:
    if not replace and not is_empty(connection):
        raise Problem(f"{target} is not empty; --replace replaces everything in it")
    if connection.engine == "postgresql":  # no worker claims a job meanwhile
        connection.run(f"SELECT pg_advisory_xact_lock({CLAIMING_LOCK})")
    running = any_running(connection)
    if running:
        raise Busy(f"job {running} is running in {target}; try again when it has finished")


def _add_words(reading: Connection, writing: Connection) -> dict[int, int]:
    """Give the target the words of the source. Return the key there by the key here."""
    present = {row.word: row.word_key for row in writing.rows("SELECT word, word_key FROM word")}
    taken = set(present.values())
    words = reading.rows("SELECT word_key, word FROM word ORDER BY word_key")
    free = max([0, *taken, *(row.word_key for row in words)]) + 1
    keys, new = {}, []
    for row in words:
        key = present.get(row.word)
        if key is None:
            key = row.word_key
            if key in taken:
                key, free = free, free + 1
            new.append((key, row.word))
        keys[row.word_key] = key
    writing.insert("word", ("word_key", "word"), new)
    return keys


@dataclass(frozen=True, slots=True)
class _Copied:
    """What was copied of a table: its columns, the number of rows, and the sum of their hashes in any order."""

    table: str
    columns: tuple[str, ...]
    rows: int
    whole: int


class _Ticking:
    """Counts what is done, and reports it."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def did(self, number: int) -> None:
        """Count so many rows more."""
        self._done += number
        self._progress("copy", self._done, self._total)


def _from(table: Table) -> str:
    return f"FROM {table.name}" + (f" WHERE {table.only}" if table.only else "")


def _rows_to_copy(reading: Connection) -> int:
    return sum(int(reading.value(f"SELECT count(*) {_from(table)}")) for table in _TRAVELLING)


def _copy_table(
    reading: Connection, writing: Connection, table: Table, changes: _Changes, ticking: _Ticking
) -> _Copied:
    count = whole = 0
    columns: tuple[str, ...] = ()
    for columns, rows in _batches(reading.stream(f"SELECT * {_from(table)}")):
        places = changes.of(table, columns)
        changed = [_changed(row, places) for row in rows]
        writing.insert(table.name, columns, changed)
        count, whole = count + len(changed), whole + sum(map(_hash, changed))
        ticking.did(len(changed))
    return _Copied(table.name, columns, count, whole & _MASK)


def _written(writing: Connection, copied: _Copied) -> _Copied:
    """What the target has of a table now."""
    if not copied.columns:
        return replace_fields(copied, rows=int(writing.value(f"SELECT count(*) FROM {copied.table}")))
    count = whole = 0
    for row in writing.stream(f"SELECT {', '.join(copied.columns)} FROM {copied.table}"):
        count, whole = count + 1, whole + _hash(tuple(row))
    return replace_fields(copied, rows=count, whole=whole & _MASK)


def _changed(row: Any, places: Sequence[tuple[int, Callable[[Any], Any]]]) -> tuple[Any, ...]:
    if not places:
        return tuple(row)
    values = list(row)
    for place, change in places:
        values[place] = change(values[place])
    return tuple(values)


def _batches(rows: Iterator[Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Rows, some at a time, with the names of their columns."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch[0]._fields, batch
            batch = []
    if batch:
        yield batch[0]._fields, batch


_MASK = (1 << 128) - 1
_encode = msgspec.msgpack.Encoder().encode


def _hash(row: tuple[Any, ...]) -> int:
    return int.from_bytes(blake2b(_encode(row), digest_size=16).digest(), "big")
