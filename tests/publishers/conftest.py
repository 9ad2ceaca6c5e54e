"""Fixtures for sources: a local web server, and an environment without this machine's settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.publishers.server import LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer().running() as local:
        yield local


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore proxies and settings in the environment of whoever runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("CTIBUTLER_BUCKET", raising=False)
