"""A database that fails at any one statement of an import, a link job or a removal leaves the catalogue as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ctibutler.catalog.checking import check
from ctibutler.catalog.copying import copy
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.engine.transaction import Transaction
from ctibutler.catalog.releases import revision
from ctibutler.errors import Problem
from ctibutler.importing.removal import remove_release
from ctibutler.knowledge_bases import HOSTED
from tests.catalog.test_checking import DETAILS, PATTERNS, WEAKNESSES, fill
from tests.catalogue import Catalogues, install, link, made_content, row_counts
from tests.faults.stores import content, difference

# Revision and number of rows are compared each time, every row one time in so many.
_COMPARED_ONE_IN = 7
# The methods through which everything is written.
_WRITING = ("run", "insert", "script")


class _Failing:
    """Lets the n-th statement that writes fail as a database does, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.fails_at: int | None = None
        for name in _WRITING:
            monkeypatch.setattr(Transaction, name, self._wrapped(getattr(Transaction, name)))

    def _wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(transaction: Transaction, *arguments: Any, **parameters: Any) -> Any:
            self.calls += 1
            if self.calls == self.fails_at:
                raise transaction._dialect.driver.OperationalError("disk I/O error")
            return method(transaction, *arguments, **parameters)

        return call


def _counted(database: Database) -> tuple[int, dict[str, int]]:
    with database.read() as connection:
        return revision(connection), row_counts(database)


def _deeds(database: Database, other: Database) -> dict[str, Callable[[], object]]:
    return {
        "import": lambda: install(database, "cwe@4.15", made_content(WEAKNESSES[5:], details=DETAILS)),
        "replace": lambda: install(database, "capec@3.9", made_content(PATTERNS[5:])),
        "link": lambda: link(database, "cwe-capec"),
        "copy": lambda: copy(database, other, replace=True),
        "remove": lambda: remove_release(database, HOSTED.named("cwe"), "4.14"),
    }


@pytest.mark.timeout(900)
def test_whichever_write_fails_nothing_changes(catalogues: Catalogues, monkeypatch: pytest.MonkeyPatch) -> None:
    database, other = catalogues.empty(), catalogues.empty()
    fill(database)
    failing = _Failing(monkeypatch)
    for name, deed in _deeds(database, other).items():
        target = other if name == "copy" else database
        before, counted, number = content(target), _counted(target), 0
        while True:
            number += 1
            failing.calls, failing.fails_at = 0, number
            try:
                deed()
            except Problem as problem:
                assert "disk I/O error" in str(problem)
            else:
                break
            finally:
                failing.fails_at = None
            assert _counted(target) == counted, f"{name}: write {number}"
            if number % _COMPARED_ONE_IN == 1:
                assert difference(content(target), before) == "", f"{name}: write {number}"
        # The deed had fewer writes than that, so it was done.
        assert number > 3, name
        assert list(check(target, HOSTED)) == [], name
