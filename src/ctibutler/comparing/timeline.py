"""Since which release an object is dead or missing, on the way from one release to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Literal

from ctibutler.catalog import entries as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.entries import Entry
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.release_labels import is_next

State = Literal["revoked", "deprecated", "missing"]


class Timeline:
    """Some objects in all installed releases from one to another one, in this order."""

    def __init__(
        self,
        connection: Connection,
        installed: Sequence[Release],
        old: Release,
        new: Release,
        stix_ids: Collection[str],
    ) -> None:
        low, high = sorted((old.sort_key, new.sort_key))
        between = [release for release in installed if low <= release.sort_key <= high]
        self._upwards = old.sort_key <= new.sort_key
        self._between = sorted(between, key=_height, reverse=not self._upwards)
        self._states: defaultdict[str, dict[int, Entry]] = defaultdict(dict)
        if stix_ids and len(between) > 1:
            for entry in catalog.with_stix_ids(connection, [release.key for release in between], stix_ids):
                self._states[entry.stix_id].setdefault(entry.release_key, entry)

    def since(self, stix_id: str, state: State) -> str | None:
        """Return when an object came into a state: `in 17.0` or, if another release may have been the first, `between 16.1 and
        17.1`. None if it never did."""
        for before, release in zip(self._between, self._between[1:], strict=False):
            if self._holds(stix_id, release, state):
                if not self._upwards or is_next(release.label, before.label):
                    return f"in {release.label}"
                return f"between {before.label} and {release.label}"
        return None

    def last_with(self, stix_id: str) -> str | None:
        """Return the last of the releases that has an object, before the first without it."""
        found = None
        for release in self._between:
            if self._holds(stix_id, release, "missing"):
                break
            found = release.label
        return found

    def _holds(self, stix_id: str, release: Release, state: State) -> bool:
        entry = self._states[stix_id].get(release.key)
        return entry is None if state == "missing" else entry is not None and bool(getattr(entry, state))


def _height(release: Release) -> str:
    return release.sort_key
