"""The live objects of some types in a release, by their names and by the words of their names and texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ctibutler.catalog.entries import Entry
from ctibutler.catalog.folding import folded, natural_order, words_of
from ctibutler.comparing.classes import value_of, words_of_texts
from ctibutler.comparing.differences import Content
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_OF_TEXT, _OF_NAME = 0.6, 0.4
_LEAST_SIMILAR: Final = 0.15


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate's object, with its score and what speaks for it."""

    entry: Entry
    score: float
    why: str


class Family:
    """The live objects of some types in a release, by name and by the words of their names and texts."""

    def __init__(self, kb: KnowledgeBase, members: Sequence[Entry], contents: Sequence[Content]) -> None:
        from ctibutler.comparing.term_vectors import Stems, TermVectors

        self._kb = kb
        self._members = members
        self._named: defaultdict[str, list[Entry]] = defaultdict(list)
        for member, content in zip(members, contents, strict=True):
            for name in names_of(kb, content):
                self._named[name].append(member)
        stems = Stems()
        texts = [stems.numbers_of(words_of_texts(kb, content)) for content in contents]
        names = [stems.numbers_of(words_of(member.name or "")) for member in members]
        self._stems = stems
        self._by_text = TermVectors(texts, len(stems))
        self._by_name = TermVectors(names, len(stems), self._by_text.rarity)

    def called(self, names: Iterable[str]) -> list[Entry]:
        """Return the objects with one of these folded names as name or alias."""
        found = {one.stix_id: one for name in names for one in self._named.get(name, ())}
        return sorted(found.values(), key=order_of)

    def similar(self, content: Content, most: int) -> list[Weighed]:
        """Return the objects whose name and text are most similar to those of an object, the best first."""
        name = value_of(content, "name")
        by_text = self._by_text.similarities(self._stems.known(words_of_texts(self._kb, content)))
        by_name = self._by_name.similarities(self._stems.known(words_of(name) if isinstance(name, str) else []))
        scores = (_OF_TEXT * by_text + _OF_NAME * by_name).tolist()
        found = [
            Weighed(member, round(score, 2), "similar")
            for member, score in zip(self._members, scores, strict=True)
            if score >= _LEAST_SIMILAR
        ]
        return sorted(found, key=lambda one: (-one.score, order_of(one.entry)))[:most]


def names_of(kb: KnowledgeBase, content: Content) -> list[str]:
    """Return the folded names of an object: its name, and what its properties about names list."""
    values = [value_of(content, name) for name in content if kb.class_of(name) == "name"]
    words = [word for value in values for word in (value if isinstance(value, list) else [value])]
    return list(dict.fromkeys(folded(word) for word in words if isinstance(word, str) and word))


def order_of(entry: Entry) -> tuple[str, str]:
    """Return what sorts objects by primary id, as people count."""
    return natural_order(entry.external_id or ""), entry.stix_id
