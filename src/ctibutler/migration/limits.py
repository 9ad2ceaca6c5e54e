"""How much may be migrated at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.errors import TooMuch
from ctibutler.migration.files import InputFile
from ctibutler.settings import Settings

_MIB = 1024 * 1024
# What surrounds the files in a form.
_AROUND_FILES = _MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes, items and files at once."""

    size: int = 10 * _MIB
    items: int = 50_000
    files: int = 200

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits of an installation."""
        return cls(settings.migrate_max_bytes, settings.migrate_max_items, settings.migrate_max_files)

    @property
    def body(self) -> int:
        """The most bytes of a request with these files in a form."""
        return self.size + _AROUND_FILES

    def refuse_files(self, files: Sequence[InputFile]) -> None:
        """Raise TooMuch for too many files, or too many bytes in all of them together."""
        if len(files) > self.files:
            raise TooMuch(f"{len(files):,} files are more than {self.files:,}, the most that are migrated at once")
        size = sum(len(file.content) for file in files)
        if size > self.size:
            raise TooMuch(f"{size:,} bytes are more than {self.size:,}, the most that are migrated at once")

    def refuse_items(self, number: int) -> None:
        """Raise TooMuch for too many items."""
        if number > self.items:
            raise TooMuch(f"{number:,} items are more than {self.items:,}, the most that are migrated at once")


LIMITS = Limits()
"""The usual ones."""
