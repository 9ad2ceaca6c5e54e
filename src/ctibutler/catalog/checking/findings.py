"""What a check finds, and how it reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

Progress = Callable[[str, int, int | None], None]
"""Called repeatedly with a stage, how much of it is done, and how much there is in total, if known."""


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong: in which table, in which row or object, and what."""

    table: str
    where: str
    what: str


def row_name(columns: tuple[str, ...], values: Any) -> str:
    """Return a row's name in a finding: `release_key 1, object_key 25`."""
    return ", ".join(f"{column} {value}" for column, value in zip(columns, values, strict=True))
