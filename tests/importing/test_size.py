"""Every release in one catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from tests.answers import plain
from tests.answers.walking import listed
from tests.catalogue import Catalogues, bundle_path, facts, install, labels_of, link

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_a_catalogue_of_every_release_is_smaller_than_a_quarter_of_its_files(catalogues: Catalogues) -> None:
    if catalogues.engine != "sqlite":
        pytest.skip("files are measured on SQLite")
    database = catalogues.empty()
    files = 0
    for kb in HOSTED.all:
        for label in labels_of(kb.slug):
            install(database, f"{kb.slug}@{label}")
            files += facts()[bundle_path(kb.slug, label)]["uncompressed_bytes"]
    link(database)
    raw = database.connect()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    stored = Path(database.url.name).stat().st_size
    assert stored < files / 4, f"{stored:,} of {files:,} bytes"
    newest = listed(Library(database, HOSTED), "attack-enterprise", "18.0")
    assert {stix["id"] for stix in newest} == {stix["id"] for stix in plain.listed("attack-enterprise", "18.0")}
