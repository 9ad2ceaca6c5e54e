"""The stores of the fault tests and the server of the sources' tests serve here too."""

from __future__ import annotations

from tests.faults.conftest import opened, postgresql_url, sqlite_url, store, store_url
from tests.publishers.conftest import server

__all__ = ["opened", "postgresql_url", "server", "sqlite_url", "store", "store_url"]
