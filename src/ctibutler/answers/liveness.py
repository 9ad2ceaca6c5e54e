"""Which of many ids each installed release of a knowledge base has, and which of them are live there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.naming import comparable_id, is_stix_id
from ctibutler.catalog import releases
from ctibutler.catalog.liveness import living_ids
from ctibutler.knowledge_bases.declaration import KnowledgeBase


@dataclass(frozen=True, slots=True)
class Liveness:
    """The ids, of those asked for, that a release has: of live objects, and of revoked or deprecated ones only."""

    live: frozenset[str]
    stale: frozenset[str]


def liveness(library: Library, kb: KnowledgeBase, ids: Collection[str]) -> dict[str, Liveness]:
    """Return label → which of these ids the release has, for all installed releases, newest first."""
    forms: dict[str, list[str]] = {}
    for object_id in ids:
        forms.setdefault(comparable_id(kb, object_id), []).append(object_id)
    primary = [form for form in forms if not is_stix_id(form) and "\x00" not in form]
    stix = [form for form in forms if is_stix_id(form) and "\x00" not in form]
    with library.database.read() as connection:
        installed = releases.installed(connection, kb.slug)
        keys = [release.key for release in installed]
        rows = living_ids(connection, keys, primary, stix)
    found: dict[int, tuple[set[str], set[str]]] = {key: (set(), set()) for key in keys}
    for key, form, is_live in rows:
        found[key][0 if is_live else 1].update(forms.get(form, ()))
    return {
        release.label: Liveness(
            frozenset(found[release.key][0]), frozenset(found[release.key][1] - found[release.key][0])
        )
        for release in installed
    }
