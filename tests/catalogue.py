"""Filled and empty catalogues for tests, on either engine, made from real releases in the shared folder.

A catalogue with given releases is made once in a run, on top of a copy of one with the first of them where that exists;
every test that changes it works on a copy.

`CTIBUTLER_TEST_POSTGRES_URL` names a PostgreSQL server on which databases can be made; tests on it are skipped, and say so,
where it is missing. If `CTIBUTLER_TEST_POOLER_URL` names a PgBouncer in front of it and `CTIBUTLER_TEST_THROUGH_POOLER` is set,
everything but making and removing databases goes through that. `CTIBUTLER_TEST_FILLED` may name a folder in which filled
SQLite catalogues stay between runs, each under a digest of the code that fills it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

import ctibutler
from ctibutler.answers.library import Library
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.urls import DatabaseUrl
from ctibutler.catalog.opening import open_catalogue
from ctibutler.catalog.releases import ImportOptions
from ctibutler.importing.links import LinkRequest, make_links
from ctibutler.importing.releases import ImportReport, import_release
from ctibutler.knowledge_bases import HOSTED, KnowledgeBases
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.links import LINK_MODES
from ctibutler.knowledge_bases.release_files import ReleaseFile
from tests.shared import SHARED, read_shared

POSTGRES_URL = os.environ.get("CTIBUTLER_TEST_POSTGRES_URL", "")
POOLER_URL = os.environ.get("CTIBUTLER_TEST_POOLER_URL", "")
THROUGH_POOLER = bool(os.environ.get("CTIBUTLER_TEST_THROUGH_POOLER", ""))
KEPT = os.environ.get("CTIBUTLER_TEST_FILLED", "")

# The releases that the contract gives numbers for.
CONTRACT = (
    "attack-enterprise@16.0",
    "attack-ics@17.0",
    "capec@3.9",
    "cwe@4.14",
    "atlas@4.9.0",
    "disarm@1.6",
    "d3fend@1.2.0",
    "location@1.0",
    "sector@1.0",
    "tlp@1",
    "tlp@2",
)
_ENTERPRISE = {"sqlite": ("16.0", "17.0", "17.1", "18.1"), "postgresql": ("17.1", "18.1")}
# On PostgreSQL, fewer releases of the larger knowledge bases are enough, as the same code stores them.
_FEWER = {"attack-mobile": ("17.1", "18.1"), "attack-ics": ("17.0", "17.1", "18.1"), "capec": ("3.8", "3.9")}


# The modules that decide the content of a filled catalogue.
_WRITERS = (
    "bodies",
    "details",
    "folding",
    "identifiers",
    "keys",
    "link_sets",
    "packing",
    "postings",
    "qualifiers",
    "releases",
    "rows",
    "text",
    "words",
    "writing",
)
# What imports, links and removals write.
TABLES = (
    *("release", "identifier", "object", "dictionary", "body", "member", "relationship", "reference"),
    *("object_reference", "field", "exact_name", "term", "posting", "link_set", "link"),
    *("detail", "release_detail", "qualifier"),
)


def labels_of(slug: str) -> list[str]:
    """The labels of a knowledge base's releases in the shared folder, earliest first."""
    path = SHARED / "kb" / HOSTED.named(slug).bucket.folder / "version.txt"
    return path.read_text().split() if path.exists() else []


def releases_on(engine: str) -> list[str]:
    """The releases of the filled catalogue, as `cwe@4.14`, in the order in which they are installed: the largest last,
    since each import on PostgreSQL renews the statistics of all that is there."""
    wanted = []
    for kb in reversed(HOSTED.all):
        labels: Iterable[str] = labels_of(kb.slug)
        if kb.slug == "attack-enterprise":
            labels = [label for label in labels if label in _ENTERPRISE[engine]]
        elif engine == "postgresql":
            labels = [label for label in labels if label in _FEWER.get(kb.slug, (label,))]
        wanted += [f"{kb.slug}@{label}" for label in labels]
    return wanted


def releases_between() -> list[str]:
    """The releases of the catalogue for outcomes, the largest last."""
    slugs = ("tlp", "mitre-f3", "d3fend", "disarm", "atlas", "capec", "attack-ics", "attack-mobile")
    small = [f"{slug}@{label}" for slug in slugs for label in labels_of(slug)]
    return [*small, *(f"attack-enterprise@{label}" for label in ("15.1", "16.1", "17.0", "17.1", "18.1"))]


def installed_labels(engine: str, slug: str) -> list[str]:
    """The labels of one knowledge base in the filled catalogue, earliest first."""
    return [name.partition("@")[2] for name in releases_on(engine) if name.partition("@")[0] == slug]


def bundle_path(slug: str, label: str) -> str:
    """The path of a release below `kb`, without `.zst`: its key in facts.json."""
    kb = HOSTED.named(slug)
    return f"{kb.bucket.folder}/{kb.file_name(label)}"


@lru_cache(maxsize=8)
def published(slug: str, label: str) -> list[dict[str, Any]]:
    """The objects of a release, decoded from its file as plain JSON. Read only: tests share it."""
    objects: list[dict[str, Any]] = json.loads(read_shared(f"kb/{bundle_path(slug, label)}.zst"))["objects"]
    return objects


@lru_cache(maxsize=1)
def facts() -> dict[str, Any]:
    """The counts made from every file, by its path below `kb`."""
    counted: dict[str, Any] = json.loads(read_shared("kb/facts.json"))["files"]
    return counted


def content_of(slug: str, label: str) -> ReleaseFile:
    """A release of the shared folder, ready for import, with its mapping where it has one."""
    kb = HOSTED.named(slug)
    path = bundle_path(slug, label)
    bundle = read_shared(f"kb/{path}.zst")
    mapping = kb.mapping_file_name(label)
    return ReleaseFile.of_bundle(
        slug,
        label,
        bundle,
        source="bucket",
        location=path,
        file_name=kb.file_name(label),
        mapping=read_shared(f"kb/{kb.bucket.folder}/{mapping}.zst") if mapping else None,
    )


def file_of(slug: str, label: str, bundle: bytes, name: str, details: bytes | None = None) -> ReleaseFile:
    """A test's own bundle, ready for import."""
    return ReleaseFile.of_bundle(slug, label, bundle, source="own", location=name, file_name=name, details=details)


def made_content(
    objects: list[dict[str, Any]],
    bundle_id: str = "bundle--" + str(uuid.UUID(int=1)),
    details: Mapping[str, Any] | None = None,
) -> ReleaseFile:
    """A release with a test's own objects and their details."""
    bundle = json.dumps({"type": "bundle", "id": bundle_id, "objects": objects}).encode()
    return file_of(
        "",
        "",
        bundle,
        "made.json",
        details=None if details is None else json.dumps(details).encode(),
    )


def install(
    database: Database,
    name: str,
    content: ReleaseFile | None = None,
    *,
    options: ImportOptions = ImportOptions(),
    kb: KnowledgeBase | None = None,
    force: bool = False,
) -> ImportReport:
    """Import a release by its name (`cwe@4.14`), from the shared folder unless its content is given."""
    slug, _, label = name.partition("@")
    content = content or content_of(slug, label)
    file = replace(content, knowledge_base=slug, label=label)
    return import_release(database, kb or HOSTED.named(slug), file, options=options, force=force)


def install_all(database: Database, *names: str, options: ImportOptions = ImportOptions()) -> None:
    """Import releases of the shared folder, in this order."""
    for name in names:
        install(database, name, options=options)


def link(database: Database, *modes: str, version: str | None = None) -> dict[str, int]:
    """Make the links of these modes, or of all; returns their number."""
    return {
        mode.name: make_links(database, HOSTED, LinkRequest(mode, version))
        for mode in LINK_MODES
        if not modes or mode.name in modes
    }


class Catalogues:
    """Makes catalogues on one engine in a test's folder, and removes them."""

    def __init__(self, engine: str, folder: Path) -> None:
        if engine == "postgresql" and not POSTGRES_URL:
            pytest.skip("no PostgreSQL (CTIBUTLER_TEST_POSTGRES_URL, as `scripts/services postgres` prints it)")
        self.engine = engine
        self._folder = folder
        self._made: list[tuple[Database, str]] = []

    def empty(self, knowledge_bases: KnowledgeBases = HOSTED) -> Database:
        """A catalogue with nothing in it."""
        return self._copy((), knowledge_bases=knowledge_bases)

    def bare(self) -> Database:
        """A database without tables."""
        name, url = self._new()
        database = Database(url)
        self._made.append((database, name))
        return database

    def _new(self) -> tuple[str, str]:
        name = f"ctibutler_{uuid.uuid4().hex[:16]}"
        if self.engine == "sqlite":
            return name, f"sqlite:///{self._folder}/{name}.sqlite"
        _administer(f"CREATE DATABASE {name}")
        return name, _database_url(name)

    def _copy(
        self, names: Sequence[str], *, links: Sequence[str] = (), knowledge_bases: KnowledgeBases = HOSTED
    ) -> Database:
        name = f"ctibutler_{uuid.uuid4().hex[:16]}"
        what, common = _what(names, links), _common_folder()
        with _alone(common / f"{what}-{self.engine}.lock"):
            if self.engine == "sqlite":
                shutil.copy(_sqlite_file(common, what, names, links), self._folder / f"{name}.sqlite")
                url = f"sqlite:///{self._folder}/{name}.sqlite"
            else:
                _copy_postgres(_postgres_database(common, what, names, links), name)
                url = _database_url(name)
        database = open_catalogue(url, knowledge_bases)
        self._made.append((database, name))
        return database

    def on_one_engine(self) -> None:
        """Skip on PostgreSQL: for slow tests, when a smaller test covers the same on both engines."""
        if self.engine != "sqlite":
            pytest.skip("the larger ones on SQLite")

    def again(self, database: Database) -> Database:
        """The same catalogue as another process sees it, with its own connections and caches."""
        other = open_catalogue(database.url.text, HOSTED)
        self._made.insert(0, (other, ""))
        return other

    def with_releases(self, *names: str, links: Sequence[str] = ()) -> Database:
        """A new catalogue with these releases, installed in this order, and links of these modes.

        Skips the test where the releases are missing.
        """
        if not (SHARED / "kb").is_dir():
            pytest.skip("no kb in the shared folder (CTIBUTLER_TEST_SHARED)")
        return self._copy(names, links=links)

    def __enter__(self) -> Catalogues:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything that was made."""
        for database, name in self._made:
            database.close()
            if not name:
                continue
            if self.engine == "sqlite":
                for left in self._folder.glob(f"{name}.sqlite*"):
                    left.unlink()
            else:
                _administer(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.clear()


@contextmanager
def catalogue_with(engine: str, folder: Path, *names: str) -> Iterator[Database]:
    """A new catalogue with these releases (`capec@3.9`), or an empty one. Skips the test if they are missing."""
    with Catalogues(engine, folder) as made:
        yield made.with_releases(*names) if names else made.empty()


@contextmanager
def filled(engine: str, names: Iterable[str], *, what: str, links: Sequence[str] = ()) -> Iterator[Library]:
    """A catalogue with these releases for tests that only read, made by the first process of a run that needs it."""
    wanted, folder = list(names), _common_folder()
    if not (SHARED / "kb").is_dir():
        pytest.skip("no kb in the shared folder (CTIBUTLER_TEST_SHARED)")
    with _alone(folder / f"{what}-{engine}.lock"):
        if engine == "sqlite":
            url = f"sqlite:///{_sqlite_file(folder, what, wanted, links)}"
        else:
            url = _database_url(_postgres_database(folder, what, wanted, links))
    database = open_catalogue(url, HOSTED)
    try:
        yield Library(database, HOSTED)
    finally:
        database.close()


def drop_shared_databases(folder: Path) -> None:
    """Remove the databases that `filled` made in this run."""
    for note in (*folder.glob("*.database"), *folder.glob("*-postgresql.unfinished")):
        _administer(f"DROP DATABASE IF EXISTS {note.read_text()} WITH (FORCE)")
        note.unlink()


def row_counts(database: Database) -> dict[str, int]:
    """The number of rows of every table that imports, links and removals write."""
    with database.read() as connection:
        return {table: int(connection.value(f"SELECT count(*) FROM {table}")) for table in TABLES}


def _common_folder() -> Path:
    """The folder that all processes of a run share, as tests/conftest.py sets it."""
    return Path(os.environ["CTIBUTLER_TEST_COMMON"])


def _what(names: Sequence[str], links: Sequence[str] = ()) -> str:
    """A short name for a catalogue with these releases and links, used for files and databases."""
    text = "-".join((*names, *links)) or "empty"
    return re.sub(r"\W", "_", text) if len(text) < 30 else sha256(text.encode()).hexdigest()[:16]


def _first_of(
    names: Sequence[str], links: Sequence[str], folder: Path, suffix: str
) -> tuple[str, Sequence[str]] | None:
    """The catalogue with the most of the first of these releases that was made in this run, and the releases it lacks."""
    for number in range(len(names) - (0 if links else 1), 0, -1):
        what = _what(names[:number])
        if (folder / f"{what}.{suffix}").exists():
            return what, names[number:]
    return None


def _sqlite_file(folder: Path, what: str, names: Sequence[str], links: Sequence[str]) -> Path:
    path = folder / f"{what}.sqlite"
    kept = Path(KEPT) / f"{what}-{_digest_of_code(names)}.sqlite" if KEPT else None
    if path.exists():
        return path
    if kept and kept.exists():
        shutil.copy(kept, path)
        return path
    unfinished, missing = folder / f"{what}.unfinished", names
    if found := _first_of(names, links, folder, "sqlite"):
        with _alone(folder / f"{found[0]}-sqlite.lock"):
            shutil.copy(folder / f"{found[0]}.sqlite", unfinished)
        missing = found[1]
    _fill(f"sqlite:///{unfinished}", missing, links)
    unfinished.rename(path)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept)
    return path


def _postgres_database(folder: Path, what: str, names: Sequence[str], links: Sequence[str]) -> str:
    if KEPT:
        name = f"ctibutler_{what}_{_digest_of_code(names)}"
        if (name,) in _administer("SELECT datname FROM pg_database"):
            return name
        _administer(f"CREATE DATABASE {name}_being_made")
        _fill(_database_url(f"{name}_being_made"), names, links)
        _administer(f"ALTER DATABASE {name}_being_made RENAME TO {name}")
        return name
    note = folder / f"{what}.database"
    if not note.exists():
        name, missing = f"ctibutler_{what}_{uuid.uuid4().hex[:12]}", names
        unfinished = folder / f"{what}-postgresql.unfinished"
        unfinished.write_text(name)
        if found := _first_of(names, links, folder, "database"):
            with _alone(folder / f"{found[0]}-postgresql.lock"):
                _copy_postgres((folder / f"{found[0]}.database").read_text(), name)
            missing = found[1]
        else:
            _administer(f"CREATE DATABASE {name}")
        _fill(_database_url(name), missing, links)
        unfinished.rename(note)
    return note.read_text()


def _copy_postgres(original: str, name: str) -> None:
    # Nobody may be connected to what is copied, and a pooler stays connected for a while.
    _administer(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{original}'")
    # Without fsync, copying files is faster than writing them through the log.
    _administer(f"CREATE DATABASE {name} TEMPLATE {original} STRATEGY = FILE_COPY")


def _fill(url: str, names: Sequence[str], links: Sequence[str]) -> None:
    database = open_catalogue(url, HOSTED)
    for name in names:
        install(database, name)
    if links:
        link(database, *links)
    if database.engine == "sqlite":
        raw = database.connect()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
    database.close()


def _database_url(name: str) -> str:
    return DatabaseUrl.parse(POOLER_URL if THROUGH_POOLER else POSTGRES_URL).with_name(name).text


def _administer(statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _digest_of_code(names: Sequence[str]) -> str:
    package = Path(ctibutler.__file__).parent
    whole = sha256(repr(list(names)).encode())
    for part in ("stix", "importing", "knowledge_bases", "catalog/engine/migrations", "catalog"):
        for path in sorted((package / part).rglob("*.py")):
            if part != "catalog" or path.stem in _WRITERS:
                whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
