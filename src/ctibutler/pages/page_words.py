"""Pages by their words, for who types `matrix` or `changes 17.1`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ctibutler.answers import releases
from ctibutler.answers.library import Library
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.pages import addresses
from ctibutler.pages.templating import has_matrix, short_title

_SHORTEST, _MOST = 2, 4
_EVERYWHERE = (
    ("Migration desk", "/desk"),
    ("Data: releases and jobs", "/data"),
    ("Help: words and keys", "/help"),
    ("API: all routes", addresses.API),
    ("Home", addresses.HOME),
)


@dataclass(frozen=True)
class NamedPage:
    """A page that is not about an object. `scope` is the release that it is about, empty if it is about none."""

    title: str
    address: str
    scope: str = ""


def pages_called(library: Library, written: str, here: tuple[KnowledgeBase, str] | None) -> list[NamedPage]:
    """Return the pages whose titles have words that begin with all those typed: those of the open release first."""
    typed = written.casefold().split()
    if len(written.strip()) < _SHORTEST:
        return []
    every = [*(_of_release(library, *here) if here else ()), *(NamedPage(*one) for one in _EVERYWHERE)]
    return [one for one in every if all(_has(one, word) for word in typed)][:_MOST]


def _has(one: NamedPage, typed: str) -> bool:
    return any(word.startswith(typed) for word in one.title.casefold().replace(":", " ").split())


def _of_release(library: Library, kb: KnowledgeBase, label: str) -> Iterator[NamedPage]:
    scope = f"{short_title(kb)} {label}"
    words = [("Objects", "objects"), ("Changes", "changes")]
    if has_matrix(kb):
        words += [("Matrix", "matrix"), ("Compare two sets", "compare")]
    for title, word in words:
        yield NamedPage(title, addresses.in_release(kb.slug, label, word), scope)
    for other in releases.installed(library, kb).labels:
        if other != label:
            yield NamedPage(
                f"Changes since {other}", addresses.in_release(kb.slug, label, "changes", since=other), scope
            )
