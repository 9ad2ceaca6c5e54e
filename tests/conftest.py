"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shared import SHARED


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real releases; skips the test where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("no shared folder (CTIBUTLER_TEST_SHARED)")
    return SHARED
