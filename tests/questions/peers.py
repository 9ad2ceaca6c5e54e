"""MITRE's library mitreattack-python and attackcti, each with a release of the shared folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ctibutler.knowledge_bases import HOSTED
from tests.catalogue import bundle_path
from tests.shared import read_shared


class Peer:
    """A release as MITRE's library and attackcti answer from it."""

    def __init__(self, slug: str, label: str, folder: Path) -> None:
        self.slug, self.label = slug, label
        self.path = folder / f"{slug}-{label}.json"
        self.path.write_bytes(read_shared(f"kb/{bundle_path(slug, label)}.zst"))

    @cached_property
    def _data(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mitreattack.stix20 import MitreAttackData

            return MitreAttackData(str(self.path))

    @cached_property
    def _query(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from attackcti import MitreAttackClient

            return MitreAttackClient.from_local(**{str(HOSTED.named(self.slug).matrix): str(self.path)}).query

    def call(self, function: str, *arguments: object, **options: object) -> Any:
        """What a function of MITRE's library returns."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(self._data, function)(*arguments, **options)

    def query(self, part: str, function: str, *arguments: object, **options: object) -> Any:
        """What a function of one of attackcti's clients returns."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(getattr(self._query, part) if part else self._query, function)(*arguments, **options)

    def finds(self, function: str, *arguments: object) -> set[str]:
        """The ids of the live objects that a function of MITRE's library returns."""
        return live_ids(self.call(function, *arguments))

    def pairs(self, function: str, *arguments: object, **options: object) -> set[tuple[str, str]]:
        """The ids of what a function of MITRE's library returns for every object, each beside the id of the object."""
        found = self.call(function, *arguments, **options)
        return {(start, stix_id) for start, items in found.items() for stix_id in live_ids(items)}


def live_ids(items: Iterable[Any]) -> set[str]:
    """The ids of the live objects among what a function returns: objects, or entries with an object."""
    objects = [item["object"] if is_entry(item) else item for item in items]
    return {item["id"] for item in objects if not item.get("revoked") and not item.get("x_mitre_deprecated")}


def is_entry(item: object) -> bool:
    return isinstance(item, Mapping) and "object" in item
