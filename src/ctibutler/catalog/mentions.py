"""Every word of whole objects, in memory: which objects mention a word anywhere, and how often.

The text index has only names and descriptions. An index of all words would take more room in the database than the objects
themselves, and few searches need it. So it is made when it is first needed, and stays in memory.

numpy takes a while to load: import this module where it is used.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from typing import Any

import numpy as np
import numpy.typing as npt

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.folding import words_of
from ctibutler.catalog.objects import contents
from ctibutler.catalog.postings import Numbers, counted
from ctibutler.stix.objects import RELATIONSHIP

_Numbers = npt.NDArray[np.int32]
_Portion = tuple[_Numbers, _Numbers, _Numbers]

_PORTION = 500
_NO_PORTION = (np.zeros(0, np.int32),) * 3
# Greater than every byte of a word.
_BEYOND = b"\xff"
# ASCII as words have it: small letters and digits. Everything else is a space.
_LETTERS = bytes(ord(letter) if (letter := chr(code).lower()).isalnum() else ord(" ") for code in range(128)).ljust(256)


@dataclass(frozen=True, slots=True)
class Mentions:
    """The words of some objects.

    `text` has all words in order, and `cuts` where each begins. Word `n` is in the objects `places[starts[n]:starts[n + 1]]`
    (places in `keys`), as often as `counts` says.
    """

    keys: Numbers
    text: bytes
    cuts: array[int]
    starts: Numbers
    places: npt.NDArray[Any]
    counts: npt.NDArray[Any]

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        arrays = (self.keys, self.starts, self.places, self.counts)
        return len(self.text) + len(self.cuts) * self.cuts.itemsize + sum(each.nbytes for each in arrays)

    def of(self, words: Sequence[str]) -> tuple[Numbers, Numbers]:
        """Return the objects that have words beginning with each of these, and how many of the one that has the fewest."""
        found = sorted(map(self._beginning_with, words), key=lambda pair: pair[1] - pair[0])
        fewest = np.full(len(self.keys), np.iinfo(np.int64).max if found else 0)
        for start, stop in found:
            if start == stop:
                fewest[:] = 0
                break
            times = np.bincount(self.places[start:stop], self.counts[start:stop], len(self.keys))
            np.minimum(fewest, times.astype(np.int64), out=fewest)
        there = np.flatnonzero(fewest)
        return self.keys[there], fewest[there]

    def _beginning_with(self, word: str) -> tuple[int, int]:
        """Which `places` are those of the words that begin with this."""
        wanted = word.encode()
        numbers = range(len(self.cuts) - 1)
        first = bisect_left(numbers, wanted, key=self._word)
        last = bisect_left(numbers, wanted + _BEYOND, first, key=self._word)
        return int(self.starts[first]), int(self.starts[last])

    def _word(self, number: int) -> bytes:
        return self.text[self.cuts[number] : self.cuts[number + 1]]


def mentions(connection: Connection, release_key: int, *, relationships: bool) -> Mentions:
    """Return the words of all relationships of a release, or of its other objects."""
    keys = _member_keys(connection, release_key, relationships)
    counter = count()
    numbers: defaultdict[bytes, int] = defaultdict(lambda: next(counter))
    portions = [
        _occurring(numbers, start, contents(connection, keys[start : start + _PORTION]))
        for start in range(0, len(keys), _PORTION)
    ]
    ordered = sorted(numbers)
    rank = np.empty(len(ordered), np.int32)
    rank[np.fromiter(map(numbers.__getitem__, ordered), np.int32, len(ordered))] = np.arange(len(ordered))
    found, places, counts = (np.concatenate(column) for column in zip(_NO_PORTION, *portions, strict=True))
    ranks = rank[found]
    # Places stay in order, as a stable sort keeps that of the portions.
    order = np.argsort(ranks, kind="stable")
    return Mentions(
        np.array(keys, np.int64),
        b"".join(ordered),
        array("I", accumulate(map(len, ordered), initial=0)),
        _small(np.searchsorted(ranks[order], np.arange(len(ordered) + 1))),
        _small(places[order]),
        _small(counts[order]),
    )


def _occurring(numbers: Mapping[bytes, int], start: int, portion: Iterable[bytes]) -> _Portion:
    """Word, place of the object and how often, for each word of each of these objects. The first is at the place `start`."""
    words, sizes = array("i"), array("i")
    for content in portion:
        found = _words(content)
        words.extend(map(numbers.__getitem__, found))
        sizes.append(len(found))
    postings = counted(_array(words).astype(np.int64), np.repeat(np.arange(start, start + len(sizes)), _array(sizes)))
    return postings.lists.astype(np.int32), postings.keys.astype(np.int32), postings.counts.astype(np.int32)


def _member_keys(connection: Connection, release_key: int, relationships: bool) -> list[int]:
    """The keys of the relationships of a release, or of its other objects, in order."""
    rows = connection.rows(
        f"""
        SELECT object_key
          FROM member
         WHERE release_key = :release
           AND type_key {"=" if relationships else "<>"} {connection.key(RELATIONSHIP)}
         ORDER BY object_key
        """,
        release=release_key,
    )
    return [row.object_key for row in rows]


def _words(content: bytes) -> list[bytes]:
    """The words of an object, as `words_of` finds them in its JSON."""
    if content.isascii():
        return content.translate(_LETTERS, b"\x00").split()
    return [word.encode() for word in words_of(content.decode())]


def _array(values: array[int]) -> _Numbers:
    return np.frombuffer(values, np.int32)


def _small(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers in as few bytes each as the greatest needs."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))
