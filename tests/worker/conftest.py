"""Fixtures shared with the fault tests (stores) and the tests of publishers (a web server)."""

from __future__ import annotations

from tests.faults.conftest import opened, postgresql_url, sqlite_url, store, store_url
from tests.publishers.conftest import server

__all__ = ["opened", "postgresql_url", "server", "sqlite_url", "store", "store_url"]
