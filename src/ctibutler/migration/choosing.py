"""Which knowledge base files speak of."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.liveness import liveness
from ctibutler.errors import InvalidRequest, UnreadableFile
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.files import InputFile, Options
from ctibutler.migration.items import Item
from ctibutler.migration.kinds import layer
from ctibutler.migration.migrating import items_of
from ctibutler.migration.recognising import recognised
from ctibutler.migration.releases import looked_up, matrix_of

_LOOKED_AT = 50
_BEFORE = b"\xef\xbb\xbf \t\r\n"


def knowledge_base_of(
    library: Library, kbs: Sequence[KnowledgeBase], files: Sequence[InputFile], options: Options
) -> KnowledgeBase:
    """Return the one of these that the files speak of: the one that a layer names, else the one that knows most of the ids.

    Of many files, some are looked at first. One that cannot be read says nothing; if none can, any knowledge base is
    returned. Raises InvalidRequest if no knowledge base knows any id, or if several know as many.
    """
    if not kbs:
        raise InvalidRequest("no release of a knowledge base is installed; see ctibutler install --help")
    if (named := _named(kbs, files)) is not None:
        return named
    every = max(1, len(files) // _LOOKED_AT)
    known = _known(library, kbs, files[::every], options)
    if every > 1 and not any(known.values()):
        known = _known(library, kbs, files, options)
    if not known:
        return kbs[0]
    most = max(known.values(), default=0)
    best = [slug for slug, number in known.items() if number == most]
    if not most:
        raise InvalidRequest("no installed knowledge base knows an id in there; name one with --kb")
    if len(best) > 1:
        raise InvalidRequest(
            f"{', '.join(best[:-1])} and {best[-1]} know as many of the ids ({most}); choose one with --kb"
        )
    return next(kb for kb in kbs if kb.slug == best[0])


def _known(
    library: Library, kbs: Sequence[KnowledgeBase], files: Sequence[InputFile], options: Options
) -> dict[str, int]:
    """How many of the ids in the files each knowledge base knows; empty if no file can be read."""
    known: dict[str, int] = {}
    failed: set[str] = set()
    for kb in kbs:
        items: list[Item] = []
        for file in files:
            if file.name not in failed:
                try:
                    items += items_of(file, kb, options)
                except UnreadableFile:
                    failed.add(file.name)
        ids = looked_up(items)
        found = {one for state in liveness(library, kb, ids).values() for one in (*state.live, *state.stale)}
        known[kb.slug] = len(found)
    return known if len(failed) < len(files) else {}


def _named(kbs: Sequence[KnowledgeBase], files: Sequence[InputFile]) -> KnowledgeBase | None:
    """The knowledge base that the first layer names."""
    for file in files:
        domain = _domain(file, kbs[0])
        for kb in kbs:
            if domain and kb.navigator_domain and matrix_of(domain) == matrix_of(kb.navigator_domain):
                return kb
    return None


def _domain(file: InputFile, kb: KnowledgeBase) -> str | None:
    """What a layer names; None for all other files, and for broken ones."""
    if file.content.lstrip(_BEFORE)[:1] not in (b"{", b"["):
        return None
    try:
        return layer.stated(file.content).domain if recognised(file.content, kb).name == "layer" else None
    except UnreadableFile:
        return None
