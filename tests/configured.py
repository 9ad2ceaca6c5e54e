"""Settings for tests: the defaults with a test's changes, without the environment or a `.env` file."""

from __future__ import annotations

from ctibutler.settings import PREFIX, Settings, read_settings


def settings_with(**changed: object) -> Settings:
    """The settings of an installation with these values, by the names of their fields."""
    return read_settings({PREFIX + name.upper(): _text(value) for name, value in changed.items()})


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
