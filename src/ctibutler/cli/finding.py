"""Finding the knowledge base of an object whose id alone is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, brief, is_stix_id
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import find_object
from ctibutler.catalog import releases
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_FEW = 3
_MANY = 6


@dataclass(frozen=True)
class Finding:
    """An object as a release of a knowledge base has it."""

    kb: KnowledgeBase
    release: str
    view: ObjectView

    @property
    def content(self) -> bytes:
        """Its JSON, as published."""
        return self.view.content

    @property
    def stix_id(self) -> str:
        """Its STIX id."""
        return self.view.id

    @property
    def is_live(self) -> bool:
        """Whether its publisher neither revoked nor deprecated it."""
        return not (self.view.is_revoked or self.view.is_deprecated)


def find_in(library: Library, kbs: Sequence[KnowledgeBase], object_id: str, release: str | None) -> list[Finding]:
    """Return the object from each of these knowledge bases that has it, in the order of their declarations.

    Revoked and deprecated ones are left out if there are others. Different objects may share an id: `TA0043` is a tactic of
    ATT&CK and one of F3.

    Raises NotFound if no knowledge base has it, InvalidRequest if the release cannot be one.
    """
    _refuse_malformed(release)
    findings = [found for kb in kbs if (found := _find(library, kb, object_id, release)) is not None]
    if not findings:
        raise NotFound(_nowhere(library, kbs, object_id, release))
    return [found for found in findings if found.is_live] or findings


def not_installed(kbs: Sequence[KnowledgeBase], release: str | None = None) -> str:
    """Return the message that none of these, or no such release of them, is installed, with the command that installs it."""
    label = "" if _is_latest(release) else f"@{release_labels.shown(str(release))}"
    if len(kbs) == 1:
        name = kbs[0].slug + label
        return f"{name} is not installed; run `ctibutler install {name}`"
    if label:
        which = f"such as {kbs[0].slug}{label}" if len(kbs) > _MANY else f"where KB is {_either(kbs)}"
        return f"release {label[1:]} is not installed; run `ctibutler install KB{label}`, {which}"
    names = "no knowledge base is installed" if len(kbs) > _FEW else f"not installed: {_names(kbs)}"
    return f"{names}; run `ctibutler install {kbs[0].slug}`, or `ctibutler up` for all"


def refuse_absent(library: Library, kbs: Sequence[KnowledgeBase], release: str | None) -> None:
    """Refuse to search knowledge bases that are not installed, or not in this release: the answer would be empty.

    Raises NotFound, InvalidRequest if the release cannot be one.
    """
    _refuse_malformed(release)
    labels = {release_labels.sort_key(label) for kb in kbs for label in labels_of(library, kb)}
    if not labels:
        raise NotFound(not_installed(kbs, release))
    if not _is_latest(release) and release_labels.sort_key(str(release)) not in labels:
        raise NotFound(not_installed(kbs, release))


def _refuse_malformed(release: str | None) -> None:
    if release is not None and not release_labels.is_label(release):
        raise InvalidRequest(f"`{brief(release)}` is not a valid release label")


def _is_latest(release: str | None) -> bool:
    return release is None or release.strip().lower() == release_labels.LATEST


def labels_of(library: Library, kb: KnowledgeBase) -> list[str]:
    """Return the labels of the installed releases of a knowledge base, newest first."""
    with library.database.read() as connection:
        return [release.label for release in releases.installed(connection, kb.slug)]


def _find(library: Library, kb: KnowledgeBase, object_id: str, release: str | None) -> Finding | None:
    try:
        view = find_object(library, kb, ObjectRequest(object_id, release))
    except NotFound:
        return None
    return Finding(kb, str(view.release), view)


def _nowhere(library: Library, kbs: Sequence[KnowledgeBase], object_id: str, release: str | None) -> str:
    # Of many knowledge bases those are named whose ids look like this one; where none does, all.
    likely = [kb for kb in kbs if kb.types_named_by(object_id)] or list(kbs)
    with_release = [kb for kb in likely if _has(library, kb, release)]
    if not with_release:
        having = [] if _is_latest(release) else [kb for kb in kbs if _find(library, kb, object_id, None)]
        return not_installed(having or likely, release)
    what = "object with the id" if is_stix_id(object_id) else "object"
    if not _is_latest(release):
        return f"no {what} `{object_id}` in release {release_labels.shown(str(release))} of {_names(with_release)}"
    if len(kbs) == 1:
        return f"no {what} `{object_id}` in {kbs[0].slug} {labels_of(library, kbs[0])[0]}"
    there = [kb for kb in kbs if _has(library, kb, None)]
    absent = [kb for kb in likely if kb not in there] if len(likely) < len(kbs) else []
    hint = f"; not installed: {_names(absent)}" if absent else ""
    where = _names(there) if len(there) <= _FEW else f"{len(there)} knowledge bases"
    return f"no {what} `{object_id}` in the latest releases of {where}{hint}"


def _has(library: Library, kb: KnowledgeBase, release: str | None) -> bool:
    labels = labels_of(library, kb)
    return (
        bool(labels)
        if _is_latest(release)
        else release_labels.sort_key(str(release)) in map(release_labels.sort_key, labels)
    )


def _names(kbs: Sequence[KnowledgeBase]) -> str:
    return ", ".join(kb.slug for kb in kbs)


def _either(kbs: Sequence[KnowledgeBase]) -> str:
    return f"{_names(kbs[:-1])} or {kbs[-1].slug}"
