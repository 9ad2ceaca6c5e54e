"""The live objects of some types in a release, by their names and by the words of their names and texts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ctibutler.catalog.entries import Entry
from ctibutler.catalog.folding import folded, natural_order, words_of
from ctibutler.catalog.text import stem
from ctibutler.comparing.classes import value_of, words_of_texts
from ctibutler.comparing.differences import Content
from ctibutler.knowledge_bases.declaration import KnowledgeBase

_OF_TEXT, _OF_NAME = 0.6, 0.4
_LEAST_SIMILAR: Final = 0.15

_Vector = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate's object, with its score and what speaks for it."""

    entry: Entry
    score: float
    why: str


class Family:
    """The live objects of some types in a release, by name and by the words of their names and texts."""

    def __init__(self, kb: KnowledgeBase, members: Sequence[Entry], contents: Sequence[Content]) -> None:
        self._kb = kb
        self._members = members
        self._named: defaultdict[str, list[Entry]] = defaultdict(list)
        texts = [_stems_of(words_of_texts(kb, content)) for content in contents]
        holders = Counter(word for text in texts for word in text)
        number = len(members)
        self._rarity = {word: _rarity(number, held) for word, held in holders.items()}
        self._unknown = _rarity(number, 0)
        self._postings: tuple[dict[str, list[tuple[int, float]]], ...] = ({}, {})
        for place, (member, content, text) in enumerate(zip(members, contents, texts, strict=True)):
            for name in names_of(kb, content):
                self._named[name].append(member)
            self._add(0, place, self._vector(text))
            self._add(1, place, self._vector(_stems_of(words_of(member.name or ""))))

    def called(self, names: Iterable[str]) -> list[Entry]:
        """Return the objects with one of these folded names as name or alias."""
        found = {one.stix_id: one for name in names for one in self._named.get(name, ())}
        return sorted(found.values(), key=order_of)

    def similar(self, content: Content, most: int) -> list[Weighed]:
        """Return the objects whose name and text are most similar to those of an object, the best first."""
        name = value_of(content, "name")
        scores: defaultdict[int, float] = defaultdict(float)
        self._score(scores, 0, _OF_TEXT, words_of_texts(self._kb, content))
        self._score(scores, 1, _OF_NAME, words_of(name) if isinstance(name, str) else [])
        found = [
            Weighed(self._members[place], round(score, 2), "similar")
            for place, score in scores.items()
            if score >= _LEAST_SIMILAR
        ]
        return sorted(found, key=lambda one: (-one.score, order_of(one.entry)))[:most]

    def _score(self, scores: defaultdict[int, float], kind: int, share: float, words: Sequence[str]) -> None:
        for word, weight in self._vector(_stems_of(words)).items():
            for place, other in self._postings[kind].get(word, ()):
                scores[place] += share * weight * other

    def _add(self, kind: int, place: int, vector: _Vector) -> None:
        for word, weight in vector.items():
            self._postings[kind].setdefault(word, []).append((place, weight))

    def _vector(self, counts: Mapping[str, int]) -> _Vector:
        """The weights of words, by how often they occur and how rare they are, of length 1."""
        weights = {word: count * self._rarity.get(word, self._unknown) for word, count in counts.items()}
        length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
        return {word: weight / length for word, weight in weights.items()}


def names_of(kb: KnowledgeBase, content: Content) -> list[str]:
    """Return the folded names of an object: its name, and what its properties about names list."""
    values = [value_of(content, name) for name in content if kb.class_of(name) == "name"]
    words = [word for value in values for word in (value if isinstance(value, list) else [value])]
    return list(dict.fromkeys(folded(word) for word in words if isinstance(word, str) and word))


def order_of(entry: Entry) -> tuple[str, str]:
    """Return what sorts objects by primary id, as people count."""
    return natural_order(entry.external_id or ""), entry.stix_id


def _rarity(number: int, holders: int) -> float:
    return math.log((1 + number) / (1 + holders)) + 1


def _stems_of(words: Iterable[str]) -> Counter[str]:
    return Counter(map(stem, words))
