"""The stores of the fault tests serve here too."""

from __future__ import annotations

from tests.faults.conftest import opened, postgresql_url, sqlite_url, store, store_url

__all__ = ["opened", "postgresql_url", "sqlite_url", "store", "store_url"]
