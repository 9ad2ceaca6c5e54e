"""Which object of a release an id names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctibutler.catalog import objects as catalog
from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import folded
from ctibutler.catalog.namesakes import preferred
from ctibutler.catalog.objects import Found
from ctibutler.catalog.releases import Release
from ctibutler.errors import Hidden, NotFound
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import RELATIONSHIP


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """One object by primary id or STIX id, in one release (None: the latest)."""

    id: str
    release: str | None = None
    include_revoked: bool = True
    include_deprecated: bool = True


def resolve(connection: Connection, kb: KnowledgeBase, request: ObjectRequest) -> tuple[Release, Found]:
    """Return the release and the object that a request names.

    Raises NotFound if there is none, Hidden if it is revoked or deprecated and the request leaves such objects out.
    """
    release = installed_release(connection, kb, request.release)
    candidates = candidates_of(connection, kb, request.id, [release])
    found = preferred(kb, request.id, allowed(candidates, request.include_revoked, request.include_deprecated))
    if found is not None:
        return release, found
    if not candidates:
        raise NotFound(f"no object `{brief(request.id)}` in {kb.slug} {release.label}")
    raise hidden(kb, request.id, release, candidates, request.include_revoked)


def resolve_quickly(connection: Connection, kb: KnowledgeBase, request: ObjectRequest) -> tuple[str, Found]:
    """Return what `resolve` does, with the label of the release in its place: one query where the latest release is asked for.

    Raises NotFound and Hidden, as `resolve` does.
    """
    if request.release is None and "\x00" not in request.id:
        label, candidates = _candidates_in_latest(connection, kb, request.id)
        found = preferred(kb, request.id, allowed(candidates, request.include_revoked, request.include_deprecated))
        if found is not None:
            return label, found
    release, found = resolve(connection, kb, request)
    return release.label, found


def _candidates_in_latest(connection: Connection, kb: KnowledgeBase, object_id: str) -> tuple[str, list[Found]]:
    if is_stix_id(object_id):
        return catalog.in_latest_release(connection, kb.slug, stix_id=object_id.strip().lower())
    return catalog.in_latest_release(connection, kb.slug, found_by=folded(kb.without_prefix(object_id)) or " ")


def installed_release(connection: Connection, kb: KnowledgeBase, label: str | None) -> Release:
    """Return the release with this label, the latest one for None.

    Raises NotFound if it is not installed.
    """
    release = releases.find(connection, kb.slug, label)
    if release is None:
        which = "no release" if label is None else f"no release `{brief(label)}`"
        raise NotFound(f"{which} of {kb.slug} is installed")
    return release


def is_stix_id(text: str) -> bool:
    """Return whether an id has the form of a STIX id: a type, two hyphens, a rest without two hyphens."""
    return text.count("--") == 1


def comparable_id(kb: KnowledgeBase, object_id: str) -> str:
    """Return an id as the catalogue compares it: a STIX id in lower case, a primary id folded, its optional prefix removed."""
    return object_id.strip().lower() if is_stix_id(object_id) else folded(kb.without_prefix(object_id))


def candidates_of(connection: Connection, kb: KnowledgeBase, object_id: str, among: Sequence[Release]) -> list[Found]:
    """Return every object of these releases that has this id. Relationships are not named by their id here."""
    keys = [release.key for release in among]
    if not keys or "\x00" in object_id:
        return []
    if is_stix_id(object_id):
        named = catalog.with_stix_id(connection, keys, object_id.strip().lower())
        return [found for found in named if found.type != RELATIONSHIP]
    return catalog.with_primary_id(connection, keys, folded(kb.without_prefix(object_id)) or " ")


def allowed(candidates: Iterable[Found], include_revoked: bool, include_deprecated: bool) -> list[Found]:
    """Return those that are neither revoked nor deprecated, except as included."""
    return [
        found
        for found in candidates
        if (include_revoked or not found.revoked) and (include_deprecated or not found.deprecated)
    ]


def hidden(
    kb: KnowledgeBase, object_id: str, release: Release, candidates: Sequence[Found], include_revoked: bool
) -> Hidden:
    """Return the problem that all candidates of a release are left out; it names what hides the preferred one."""
    found = preferred(kb, object_id, candidates)
    is_revoked = found is not None and found.revoked and not include_revoked
    return Hidden(brief(object_id), release.label, "revoked" if is_revoked else "deprecated")


def brief(object_id: str) -> str:
    """Return an id for a message: printable characters, at most 100."""
    printable = "".join(char if char.isprintable() else "�" for char in object_id)
    return printable if len(printable) <= 100 else printable[:97] + "..."
