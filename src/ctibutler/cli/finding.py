"""Which knowledge base has an object, when nobody said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.objects import ObjectRequest, find_object, is_stix_id
from ctibutler.catalog import releases
from ctibutler.errors import NotFound
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.stix.objects import decode, is_deprecated, is_revoked, text

_FEW = 3


@dataclass(frozen=True)
class Finding:
    """An object as a release of a knowledge base has it."""

    kb: KnowledgeBase
    release: str
    content: bytes
    stix_id: str
    dead: bool


def find_in(library: Library, kbs: Sequence[KnowledgeBase], object_id: str, release: str | None) -> list[Finding]:
    """The object in each of these knowledge bases that has it, the one to show first.

    Live before revoked or deprecated, else in the order of the declarations: different objects may share an id, such as
    `TA0043`, a tactic of ATT&CK and one of F3. Raises NotFound where none has it.
    """
    findings = [found for kb in kbs if (found := _find(library, kb, object_id, release)) is not None]
    if not findings:
        raise NotFound(_nowhere(library, kbs, object_id, release))
    return [found for found in findings if not found.dead] or findings


def not_installed(kbs: Sequence[KnowledgeBase]) -> str:
    """That none of these is installed, and what to do."""
    if len(kbs) == 1:
        return f"{kbs[0].slug} is not installed yet; `ctibutler install {kbs[0].slug}` does that"
    names = "no knowledge base" if len(kbs) > _FEW else f"none of {', '.join(kb.slug for kb in kbs)}"
    return f"{names} is installed yet; `ctibutler install` does that"


def refuse_absent(library: Library, kbs: Sequence[KnowledgeBase], release: str | None) -> None:
    """Say that there is nothing to look in, where the answer would be an empty list.

    Raises NotFound.
    """
    labels = {versions.sort_key(label) for kb in kbs for label in labels_of(library, kb)}
    if not labels:
        raise NotFound(not_installed(kbs))
    if release is not None and release.strip().lower() != versions.LATEST and versions.sort_key(release) not in labels:
        raise NotFound(f"release {versions.shown(release)} of {kbs[0].slug} is not installed")


def labels_of(library: Library, kb: KnowledgeBase) -> list[str]:
    """The installed releases of a knowledge base, newest first."""
    with library.database.read() as connection:
        return [release.label for release in releases.installed(connection, kb.slug)]


def _find(library: Library, kb: KnowledgeBase, object_id: str, release: str | None) -> Finding | None:
    try:
        content = find_object(library, kb, ObjectRequest(object_id, release)).content
    except NotFound:
        return None
    properties = decode(content)
    named = release is not None and release.strip().lower() != versions.LATEST
    label = versions.shown(str(release)) if named else labels_of(library, kb)[0]
    dead = is_revoked(properties) or is_deprecated(properties)
    return Finding(kb, label, content, text(properties, "id") or "", dead)


def _nowhere(library: Library, kbs: Sequence[KnowledgeBase], object_id: str, release: str | None) -> str:
    there = [kb for kb in kbs if labels_of(library, kb)]
    what = "object" if not is_stix_id(object_id) else "object with the id"
    if not there:
        return not_installed(kbs)
    if release is not None:
        of = kbs[0].slug if len(kbs) == 1 else "any knowledge base"
        return f"no {what} `{object_id}` in release {versions.shown(release)} of {of}"
    if len(kbs) == 1:
        return f"no {what} `{object_id}` in {kbs[0].slug} {labels_of(library, kbs[0])[0]}"
    absent = [kb.slug for kb in kbs if kb not in there and kb.types_named_by(object_id)]
    hint = f"; not installed: {', '.join(absent)}" if absent else ""
    return f"no {what} `{object_id}` in the latest releases of {', '.join(kb.slug for kb in there)}{hint}"
