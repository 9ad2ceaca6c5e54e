"""When the releases behind a table were installed."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.answers.library import Library
from ctibutler.catalog import releases


def changed_at(library: Library, labels: Iterable[tuple[str, str | None]]) -> int:
    """Return when the newest of these releases was installed, in microseconds: pairs of a knowledge base and a label.

    A label of None names no release, nor does one that has been removed meanwhile. 0 if there is none.
    """
    with library.database.read() as connection:
        found = [releases.find(connection, slug, label) for slug, label in sorted(set(labels)) if label is not None]
    return max((release.installed_at for release in found if release is not None), default=0)
