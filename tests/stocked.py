"""Catalogues filled with real releases of the shared folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy

from ctibutler.answers.library import Library
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.releases import ImportOptions
from ctibutler.catalog.schema import open_catalogue
from ctibutler.importing.releases import ReleaseContent, import_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from tests.shared import read_shared


def bundle_name(release: str) -> str:
    """`cwe@4.14` → where its bundle lies below `kb`, without `.zst`."""
    kb, label = _parts(release)
    return f"{kb.bucket.folder}/{kb.file_name(label)}"


def install(database: Database, *wanted: str, options: ImportOptions = ImportOptions()) -> None:
    """Install releases such as `cwe@4.14`, in this order."""
    for release in wanted:
        kb, label = _parts(release)
        content = read_shared(f"kb/{bundle_name(release)}.zst")
        mapping_file = kb.mapping_file_name(label)
        mapping = read_shared(f"kb/{kb.bucket.folder}/{mapping_file}.zst") if mapping_file else None
        import_release(
            database,
            kb,
            label,
            ReleaseContent(
                bundle=content,
                source="bucket",
                location=kb.bucket.folder,
                file_name=kb.file_name(label),
                size=len(content),
                sha256=sha256(content).hexdigest(),
                mapping=mapping,
            ),
            options=options,
        )


def library_of(database: Database) -> Library:
    """The library over a catalogue."""
    return Library(database, HOSTED)


@contextmanager
def empty_catalogue(engine: str, folder: Path) -> Iterator[Database]:
    """A catalogue of its own on one engine; skips the test where there is no such server."""
    if engine == "sqlite":
        database = open_catalogue(f"sqlite:///{folder / 'catalogue.sqlite'}", HOSTED)
        yield database
        database.close()
        return
    server = os.environ.get("CTIBUTLER_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("no PostgreSQL server (CTIBUTLER_TEST_POSTGRES_URL, from `scripts/services postgres`)")
    url = sqlalchemy.make_url(server).set(drivername="postgresql+psycopg")
    name = f"test_{uuid.uuid4().hex}"
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    database = open_catalogue(url.set(database=name).render_as_string(hide_password=False), HOSTED)
    try:
        yield database
    finally:
        database.close()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        admin.dispose()


def _parts(release: str) -> tuple[KnowledgeBase, str]:
    slug, _, label = release.partition("@")
    return HOSTED.named(slug), label
