"""Which knowledge base files speak of."""

from __future__ import annotations

from collections.abc import Sequence

from ctibutler.answers.library import Library
from ctibutler.answers.liveness import liveness
from ctibutler.errors import InvalidRequest, UnreadableFile
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.migration.kinds import layer
from ctibutler.migration.migrating import InputFile, Options, items_of, looked_up, matrix_of
from ctibutler.migration.recognising import recognised


def knowledge_base_of(
    library: Library, kbs: Sequence[KnowledgeBase], files: Sequence[InputFile], options: Options
) -> KnowledgeBase:
    """Return the one of these that the files speak of: the one that a layer names, else the one that knows most of the ids.

    Raises InvalidRequest if none knows any, or if several know as many.
    """
    if (named := _named(kbs, files)) is not None:
        return named
    known: dict[str, int] = {}
    for kb in kbs:
        try:
            items = [item for file in files for item in items_of(file, kb, options)]
        except UnreadableFile:
            if kb is kbs[-1] and not known:
                raise
            continue
        ids = looked_up(items)
        found = {one for state in liveness(library, kb, ids).values() for one in (*state.live, *state.stale)}
        known[kb.slug] = len(found)
    most = max(known.values(), default=0)
    best = [kb for kb in kbs if known.get(kb.slug) == most]
    if most and len(best) == 1:
        return best[0]
    if not most:
        raise InvalidRequest("no installed knowledge base knows an id in there; name one with --kb")
    names = [kb.slug for kb in best]
    raise InvalidRequest(
        f"{', '.join(names[:-1])} and {names[-1]} know as many of the ids ({most}); choose one with --kb"
    )


def _named(kbs: Sequence[KnowledgeBase], files: Sequence[InputFile]) -> KnowledgeBase | None:
    """The knowledge base that the first layer names."""
    for file in files:
        if file.content.lstrip()[:1] not in (b"{", b"[") or not kbs:
            continue
        if recognised(file.content, kbs[0]).name == "layer":
            domain = layer.stated(file.content).domain
            for kb in kbs:
                if domain and kb.navigator_domain and matrix_of(domain) == matrix_of(kb.navigator_domain):
                    return kb
    return None
