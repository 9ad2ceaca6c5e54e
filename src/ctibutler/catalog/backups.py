"""Backups: one SQLite file with the whole catalogue, whichever engine it is on."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ctibutler.catalog.copying import CopyReport, Progress, copy
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.migrations import CURRENT, bring_up_to_date, version_of
from ctibutler.catalog.opening import STEPS, open_catalogue
from ctibutler.errors import InvalidRequest, NotFound, Problem, StoreUnavailable
from ctibutler.knowledge_bases import KnowledgeBases

_OWN_FILES = ("", "-wal", "-shm", "-journal")


def back_up(database: Database, path: Path, progress: Progress = lambda *_: None) -> CopyReport:
    """Write a catalogue into a new file that only its owner can read. Imports and reads may go on meanwhile.

    The file appears under its name when it is complete. Raises Problem if there is a file of this name, StoreUnavailable if
    the catalogue cannot be read, OSError if the file cannot be written.
    """
    _require_plain(path)
    if path.exists():
        raise Problem(f"{path} already exists")
    if not path.parent.is_dir():
        raise Problem(f"{path.parent} is not a folder")
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.unfinished")
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        report = _write(database, unfinished, progress)
        _publish(unfinished, path)
    finally:
        for suffix in _OWN_FILES:
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    return report


def restore(
    path: Path,
    database: Database,
    knowledge_bases: KnowledgeBases,
    *,
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> CopyReport:
    """Read a backup into a catalogue: all of it, or nothing. Backups of earlier versions are brought up to date in a copy.

    Raises NotFound if there is no such file, StoreUnavailable if it is not a catalogue, and what `copy` raises.
    """
    with _opened(path, knowledge_bases) as backup:
        return copy(backup, database, replace=replace, progress=progress)


def _write(database: Database, path: Path, progress: Progress) -> CopyReport:
    made = Database(f"sqlite:///{path}")
    try:
        bring_up_to_date(made, STEPS)
        return copy(database, made, progress=progress)
    finally:
        made.close()


def _publish(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, once its bytes are on the disk. A file that came meanwhile is not replaced."""
    made = Database(f"sqlite:///{unfinished}")
    raw = made.connect()
    # One file that can be read from a folder that cannot be written.
    raw.execute("PRAGMA journal_mode = DELETE")
    raw.close()
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise Problem(f"{path} already exists") from None
    except OSError:  # a file system without hard links
        unfinished.rename(path)


@contextmanager
def _opened(path: Path, knowledge_bases: KnowledgeBases) -> Iterator[Database]:
    """The catalogue in a file, with current tables."""
    _require_plain(path)
    if not path.is_file():
        raise NotFound(f"{path}: no such file")
    backup = Database(f"sqlite:///{path.absolute()}", read_only=True)
    try:
        with backup.read() as connection:
            version = version_of(connection)
        if version is None:
            raise StoreUnavailable(f"{path}: not a backup of ctibutler")
        if version == CURRENT:
            yield backup
            return
    finally:
        backup.close()
    with TemporaryDirectory() as folder:
        copied = Path(folder) / "backup.sqlite"
        shutil.copyfile(path, copied)
        upgraded = open_catalogue(f"sqlite:///{copied}", knowledge_bases)
        try:
            yield upgraded
        finally:
            upgraded.close()


def _require_plain(path: Path) -> None:
    if "?" in str(path.absolute()):
        raise InvalidRequest(f"{path}: the path of a backup has no question mark")
