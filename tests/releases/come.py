"""The expected answers about a release to come, worked out in plain Python from the objects of both releases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from ctibutler.answers.library import Library
from ctibutler.knowledge_bases import HOSTED
from ctibutler.stix.well_known import WELL_KNOWN
from tests.answers import plain
from tests.answers.walking import listed
from tests.catalogue import published
from tests.releases.to_come import BEFORE, IMPLANT, MEASURE, PLAYBOOK, Stix, ToCome, release_to_come, small_base

ICS = HOSTED.named("attack-ics")
SLUG = ICS.slug
NEVER_IN_LISTS = ("relationship", "sighting", "extension-definition", "language-content", "x-mitre-collection")
NEW_TYPES = (PLAYBOOK, IMPLANT, MEASURE, "vulnerability")
BASES = [pytest.param("small"), pytest.param("real", marks=pytest.mark.real)]


def made_from(base: str) -> ToCome:
    """The release after a small one or after a real one."""
    return release_to_come(small_base() if base == "small" else published(SLUG, BEFORE))


@dataclass(frozen=True)
class Come:
    """A catalogue with both releases."""

    library: Library
    made: ToCome

    @cached_property
    def after(self) -> dict[str, Stix]:
        """The objects of the made-up release, by id."""
        return {stix["id"]: stix for stix in self.made.after}

    @cached_property
    def before(self) -> dict[str, Stix]:
        """The objects of the release before it, by id."""
        return {stix["id"]: stix for stix in self.made.before}

    @cached_property
    def all_sros(self) -> list[tuple[str, Stix]]:
        """The relationships of the made-up release, with their families."""
        return plain.native_and_made(self.made.after)

    def expected(self, *, revoked: bool = False, deprecated: bool = False) -> list[Stix]:
        """The objects that the list of the made-up release must have."""
        return [
            stix
            for stix in self.made.after
            if stix["type"] not in NEVER_IN_LISTS
            and (revoked or not plain.revoked(stix))
            and (deprecated or not plain.deprecated(stix))
        ]

    def answered(self, **filters: Any) -> list[Stix]:
        """The objects that the list has, with the defaults of the knowledge base."""
        return listed(self.library, SLUG, **{"include_revoked": False, "include_deprecated": False, **filters})

    def sros(self, stix_id: str, *families: str) -> list[Stix]:
        """Its relationships in the made-up release, of these families or of all."""
        return [
            sro
            for family, sro in self.all_sros
            if stix_id in (sro["source_ref"], sro["target_ref"]) and (not families or family in families)
        ]

    def bundle(self, stix_id: str, *, embedded_sros: bool) -> list[Stix]:
        """The object, its relationships, the objects at their other ends, and the extension definitions they use."""
        shown = {stix_id: self.after[stix_id]}
        for family, sro in self.all_sros:
            ends = (sro["source_ref"], sro["target_ref"])
            if stix_id in ends:
                if embedded_sros or family != "embedded":
                    shown[sro["id"]] = sro
                others = [end for end in ends if end != stix_id]
                shown |= {
                    end: self.after.get(end) or WELL_KNOWN[end] for end in others if end in {*self.after, *WELL_KNOWN}
                }
        extensions = {name for stix in shown.values() for name in stix.get("extensions", {})}
        return list((shown | {name: self.after[name] for name in extensions if name in self.after}).values())


def as_written(objects: list[Stix]) -> list[str]:
    """The objects as texts, equal only if every property has the same value and position."""
    return [json.dumps(stix) for stix in objects]


def by_content(objects: list[Stix]) -> list[str]:
    return sorted(map(plain.same, objects))
