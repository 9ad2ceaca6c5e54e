"""Texts as vectors of their stems, to find those that are about the same things.

numpy takes a while to load: import this module where it is used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from ctibutler.catalog.text import stem

Floats = npt.NDArray[np.float64]


class Stems(dict[str, int]):
    """Numbers for the stems of words, from 0 on."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __missing__(self, word: str) -> int:
        self[word] = number = self._numbers.setdefault(stem(word), len(self._numbers))
        return number

    def numbers_of(self, words: Iterable[str]) -> list[int]:
        """Return the number of each word."""
        return list(map(self.__getitem__, words))

    def known(self, words: Iterable[str]) -> tuple[Counter[int], Counter[str]]:
        """Return how often each known stem occurs, by its number, and how often each unknown one."""
        counts = Counter(map(stem, words))
        known = {word: number for word in counts if (number := self._numbers.get(word)) is not None}
        return (
            Counter({number: counts[word] for word, number in known.items()}),
            Counter({word: count for word, count in counts.items() if word not in known}),
        )


class TermVectors:
    """Texts as vectors of length 1: the weight of a stem grows with how often it occurs, and with how few texts have it."""

    def __init__(self, texts: Sequence[Sequence[int]], stems: int, rarity: Floats | None = None) -> None:
        self._texts = len(texts)
        holder = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        words = np.fromiter(chain.from_iterable(texts), dtype=np.int64, count=len(holder))
        pairs, counts = np.unique(holder * max(stems, 1) + words, return_counts=True)
        self._holders, self._words = np.divmod(pairs, max(stems, 1))
        held = np.bincount(self._words, minlength=stems)
        self.rarity: Floats = np.log((1 + len(texts)) / (1 + held)) + 1 if rarity is None else rarity
        self._rarest = math.log(1 + len(texts)) + 1
        weights = counts * self.rarity[self._words]
        lengths = np.sqrt(np.bincount(self._holders, weights * weights, minlength=len(texts)))
        self._weights = weights / lengths[self._holders]

    def similarities(self, counted: tuple[Counter[int], Counter[str]]) -> Floats:
        """Return the cosines of all texts with another one, given as the counts of known and unknown stems."""
        known, unknown = counted
        vector = np.zeros(len(self.rarity))
        for number, count in known.items():
            vector[number] = count * self.rarity[number]
        rest = sum((count * self._rarest) ** 2 for count in unknown.values())
        length = math.sqrt(float(np.dot(vector, vector)) + rest)
        if not length:
            return np.zeros(self._texts)
        return np.bincount(self._holders, self._weights * vector[self._words], minlength=self._texts) / length
