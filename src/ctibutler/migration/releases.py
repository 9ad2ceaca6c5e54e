"""Which release a file is of: the one that somebody names, that the file states, or that its ids fit best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.liveness import liveness
from ctibutler.errors import NotFound, UnreadableFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration import guess
from ctibutler.migration.files import Source
from ctibutler.migration.items import Item
from ctibutler.migration.kinds import layer


def label_named(kb: KnowledgeBase, labels: Sequence[str], asked: str | None) -> str:
    """Return the installed release of this name; the latest for None.

    Raises NotFound.
    """
    if not labels:
        raise NotFound(f"no release of {kb.slug} is installed")
    if asked is None or asked.strip().lower() == release_labels.LATEST:
        return labels[0]
    wanted = release_labels.sort_key(asked)
    for label in labels:
        if release_labels.sort_key(label) == wanted:
            return label
    raise NotFound(f"no release `{asked[:40]}` of {kb.slug} is installed; there are {', '.join(labels)}")


def stated_label(kb: KnowledgeBase, labels: Sequence[str], content: bytes) -> str | None:
    """Return the installed release that a layer says it is of; None if it says none. `16` is the highest installed 16.x.

    Raises NotFound if that is not installed, UnreadableFile if the layer is of another knowledge base.
    """
    stated = layer.stated(content)
    if stated.domain and kb.navigator_domain and matrix_of(stated.domain) != matrix_of(kb.navigator_domain):
        raise UnreadableFile(f"a layer of {stated.domain[:40]}, not of {kb.slug}")
    if stated.release is None or not release_labels.is_label(stated.release):
        return None
    shown = release_labels.shown(stated.release)
    for label in labels:
        if label == shown or ("." not in shown and label.partition(".")[0] == shown):
            return label
    raise NotFound(
        f"it says that it is of {shown}, and no such release of {kb.slug} is installed; there are {', '.join(labels)}"
    )


def sources_of(
    library: Library,
    kb: KnowledgeBase,
    labels: Sequence[str],
    named: str | None,
    files: Sequence[tuple[str | None, Sequence[Item]]],
) -> list[Source]:
    """Return the release of each file, given the one that it states and its items. All that state none are guessed together.

    Raises NotFound for a named release that is not installed, InvalidRequest if nothing can be guessed.
    """
    if named is not None:
        return [Source(label_named(kb, labels, named), guessed=False)] * len(files)
    silent = [items for stated, items in files if stated is None]
    ids = looked_up(item for items in silent for item in items)
    if not ids:
        known = next((stated for stated, _ in files if stated is not None), None)
        if known is None and any(silent):
            guess.guessed(kb, [], [])
        return [Source(stated or known or labels[0], guessed=stated is None) for stated, _ in files]
    version, best = guess.guessed(kb, ids, guess.fits(ids, liveness(library, kb, ids)))
    return [
        Source(version, guessed=True, fits=tuple(best)) if stated is None else Source(stated, guessed=False)
        for stated, _ in files
    ]


def looked_up(items: Iterable[Item]) -> list[str]:
    """Return the distinct ids of items, in their order."""
    return list(dict.fromkeys(item.id for item in items if item.readable and not item.is_slug))


def matrix_of(domain: str) -> str:
    """Return `enterprise` for `enterprise-attack` and for `mitre-enterprise`."""
    return domain.lower().removeprefix("mitre-").removesuffix("-attack")
