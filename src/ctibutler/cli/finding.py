"""Finding the knowledge base of an object whose id alone is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from ctibutler.answers.across.holders import holders
from ctibutler.answers.library import Library
from ctibutler.answers.naming import ObjectRequest, brief, is_stix_id
from ctibutler.answers.object_view import ObjectView
from ctibutler.answers.objects import find_object
from ctibutler.answers.spellings import Reading, near, readings
from ctibutler.catalog import releases
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.releases import Release
from ctibutler.errors import InvalidRequest, NotFound
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_FEW = 3
_MANY = 6
_MOST_NAMED = 12


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
    ATT&CK and one of F3. An id that no object has is read as people write ids and names; a note says as what.

    Raises NotFound if no knowledge base has it, InvalidRequest if the release cannot be one, or if a name is that of several
    objects.
    """
    _refuse_malformed(release)
    findings = [found for kb in kbs if (found := _find(library, kb, object_id, release)) is not None]
    findings = findings or _read(library, kbs, object_id, release)
    if not findings:
        near_ones = _near(library, kbs, object_id, release)
        hint = f"; did you mean {either(near_ones)}?" if near_ones else ""
        raise NotFound(_nowhere(library, kbs, object_id, release) + hint, {"near": near_ones})
    return [found for found in findings if found.is_live] or findings


def find_over_time(library: Library, kbs: Sequence[KnowledgeBase], object_id: str) -> tuple[KnowledgeBase, str]:
    """Return the knowledge base of which any installed release has this object, and its id. An id that none has is read as
    people write ids and names.

    A note names others that have the same object. Raises NotFound if no knowledge base has it, InvalidRequest if several have
    different objects with this id.
    """
    holding = holders(library, kbs, object_id)
    if not holding:
        found = find_in(library, kbs, object_id, None)
        holding = [(one.kb, {one.stix_id}) for one in found]
        object_id = found[0].stix_id
    slugs = [kb.slug for kb, _ in holding]
    if any(stix_ids != holding[0][1] for _, stix_ids in holding):
        named = brief(object_id)
        raise InvalidRequest(f"`{named}` is the id of different objects: choose one with --kb {either(slugs)}")
    if len(holding) > 1:
        click.echo(f"read in {slugs[0]}; also in {', '.join(slugs[1:])} (--kb)", err=True)
    return holding[0][0], object_id


def read_ids(library: Library, kb: KnowledgeBase, ids: Sequence[str] | None, release: str | None) -> list[str] | None:
    """Return ids with those that no object has replaced by the STIX id of what they mean. What means nothing stays.

    Raises InvalidRequest if a name is that of several objects.
    """
    if ids is None:
        return None
    known = [_find(library, kb, text, release) is not None for text in ids]
    meant = [[] if exact else _read(library, [kb], text, release) for text, exact in zip(ids, known, strict=True)]
    return [several[0].stix_id if several else text for text, several in zip(ids, meant, strict=True)]


def _read(library: Library, kbs: Sequence[KnowledgeBase], text: str, release: str | None) -> list[Finding]:
    """The object that a text means which is nobody's exact id.

    Raises InvalidRequest if it means several.
    """
    with library.database.read() as connection:
        found = readings(connection, _places(connection, kbs, release), text)
    views = [(one, _view(library, one)) for one in found]
    if len({one.found.stix_id for one in found}) > 1:
        named = [f"{_title(view)} ({one.kb.slug})" for one, view in views]
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        raise InvalidRequest(
            f"`{brief(text)}` means several objects, choose by id and --kb: {', '.join(named[:_MOST_NAMED])}{more}"
        )
    if views:
        click.echo(f"read as {_title(views[0][1])}", err=True)
    return [Finding(one.kb, one.release.label, view) for one, view in views]


def _places(
    connection: Connection, kbs: Sequence[KnowledgeBase], release: str | None
) -> list[tuple[KnowledgeBase, Release]]:
    """The knowledge bases that have such a release, each with it."""
    return [(kb, found) for kb in kbs if (found := releases.find(connection, kb.slug, release)) is not None]


def _view(library: Library, reading: Reading) -> ObjectView:
    return find_object(library, reading.kb, ObjectRequest(reading.found.stix_id, reading.release.label))


def _title(view: ObjectView) -> str:
    return brief(f"{view.external_id or view.id} {view.name or ''}".rstrip())


def _near(library: Library, kbs: Sequence[KnowledgeBase], text: str, release: str | None) -> list[str]:
    """The ids, for names with the names, of what is spelled similarly."""
    with library.database.read() as connection:
        found = near(connection, _places(connection, kbs, release), text)
    return [one.external_id if one.by_id else brief(f"{one.external_id} {one.name or ''}".rstrip()) for one in found]


def not_installed(kbs: Sequence[KnowledgeBase], release: str | None = None) -> str:
    """Return the message that none of these, or no such release of them, is installed, with the command that installs it."""
    label = "" if _is_latest(release) else f"@{release_labels.shown(str(release))}"
    if len(kbs) == 1:
        name = kbs[0].slug + label
        return f"{name} is not installed; run `ctibutler install {name}`"
    if label:
        which = (
            f"such as {kbs[0].slug}{label}" if len(kbs) > _MANY else f"where KB is {either([kb.slug for kb in kbs])}"
        )
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
        return (
            f"no {what} `{brief(object_id)}` in release {release_labels.shown(str(release))} of {_names(with_release)}"
        )
    if len(kbs) == 1:
        return f"no {what} `{brief(object_id)}` in {kbs[0].slug} {labels_of(library, kbs[0])[0]}"
    there = [kb for kb in kbs if _has(library, kb, None)]
    absent = [kb for kb in likely if kb not in there] if len(likely) < len(kbs) else []
    hint = f"; not installed: {_names(absent)}" if absent else ""
    where = _names(there) if len(there) <= _FEW else f"{len(there)} knowledge bases"
    return f"no {what} `{brief(object_id)}` in the latest releases of {where}{hint}"


def _has(library: Library, kb: KnowledgeBase, release: str | None) -> bool:
    labels = labels_of(library, kb)
    return (
        bool(labels)
        if _is_latest(release)
        else release_labels.sort_key(str(release)) in map(release_labels.sort_key, labels)
    )


def _names(kbs: Sequence[KnowledgeBase]) -> str:
    return ", ".join(kb.slug for kb in kbs)


def either(words: Sequence[str]) -> str:
    """The words as a choice: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)}{' or ' if others else ''}{last}"
