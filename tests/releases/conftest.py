"""Fixtures for the tests of whole releases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import Catalogues, install, made_content
from tests.releases.come import BASES, SLUG, Come, made_from
from tests.releases.to_come import AFTER, BEFORE


@pytest.fixture(scope="module", params=BASES)
def come(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Come]:
    """A catalogue with both releases, for tests that only read."""
    made = made_from(request.param)
    catalogues = Catalogues(engine, tmp_path_factory.mktemp("to-come"))
    database = catalogues.empty()
    install(database, f"{SLUG}@{BEFORE}", made_content(made.before))
    install(database, f"{SLUG}@{AFTER}", made_content(made.after))
    yield Come(Library(database, HOSTED), made)
    catalogues.close()
