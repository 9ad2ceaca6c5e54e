"""Settings for tests: the defaults and what a test changes, nothing from a `.env` file."""

from __future__ import annotations

from typing import Any

from ctibutler.settings import Settings


def settings_with(**changed: Any) -> Settings:
    """The default settings with these changed."""
    return Settings(_env_file=None, **changed)  # type: ignore[call-arg]  # pydantic-settings accepts it
