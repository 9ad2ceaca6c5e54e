"""Posting lists in a few bytes: which objects hold a word, and how often.

A list is cut into rows of PER_ROW objects, so that a new release rewrites only the last row of a list. A row has its first
object's key, and two sequences of numbers of variable length (LEB128): for each object, the distance from the one before,
doubled, plus one if it holds the word more than once; and how often, for those that do.

numpy takes a while to load: import this module where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Marks = npt.NDArray[np.bool_]

PER_ROW = 800


class Postings(NamedTuple):
    """Arrays side by side: the number of a list, the key of an object in it, and how often it holds the word.

    They are in order of list, then key.
    """

    lists: Numbers
    keys: Numbers
    counts: Numbers

    def where(self, wanted: Marks) -> Postings:
        """Return those that are marked."""
        return Postings(self.lists[wanted], self.keys[wanted], self.counts[wanted])


class Row(NamedTuple):
    """A part of a list, as it is stored."""

    list: int
    first_key: int
    holders: bytes
    counts: bytes


def counted(lists: Sequence[int] | Numbers, keys: Numbers) -> Postings:
    """Return postings of words as they occur: the list of each word, and the key of its object (below 2**32)."""
    pairs, counts = np.unique(np.asarray(lists, np.int64) << 32 | keys, return_counts=True)
    return Postings(pairs >> 32, pairs & 0xFFFFFFFF, counts.astype(np.int64))


def merged(some: Postings, others: Postings) -> Postings:
    """Return both, in order. No object is in a list of both."""
    lists, keys, counts = (np.concatenate(pair) for pair in zip(some, others, strict=True))
    order = np.lexsort((keys, lists))
    return Postings(lists[order], keys[order], counts[order])


def encoded(postings: Postings) -> list[Row]:
    """Return the rows of these postings. The first of a list begins a row."""
    lists, keys, counts = postings
    if not len(lists):
        return []
    heads = _heads(lists)
    begins_row = (np.arange(len(lists)) - np.repeat(heads, np.diff(heads, append=len(lists)))) % PER_ROW == 0
    starts = np.flatnonzero(begins_row)
    several = counts > 1
    distances = np.where(begins_row, 0, np.diff(keys, prepend=0))
    holders, holder_places = _packed(distances << 1 | several)
    numbers, number_places = _packed(counts[several])
    holder_cuts = [*holder_places[starts].tolist(), len(holders)]
    counts_before = np.concatenate(([0], np.cumsum(several)))
    number_cuts = [*np.append(number_places, len(numbers))[counts_before[starts]].tolist(), len(numbers)]
    return [
        Row(number, key, holders[a:b], numbers[c:d])
        for number, key, a, b, c, d in zip(
            lists[starts].tolist(), keys[starts].tolist(),
            holder_cuts, holder_cuts[1:], number_cuts, number_cuts[1:],
            strict=False,
        )
    ]  # fmt: skip


def decoded(rows: Iterable[Any]) -> Postings:
    """Return the postings of rows in order of list and first key: `list`, `first_key`, `holders` and `counts` of each."""
    rows = list(rows)
    pieces = [bytes(row.holders) for row in rows]
    values, lasts = _unpacked(b"".join(pieces))
    cuts = np.searchsorted(lasts, np.cumsum([0, *map(len, pieces)]))
    sizes, starts = np.diff(cuts), cuts[:-1]
    several = (values & 1).astype(bool)
    walked = np.cumsum(values >> 1)
    first = np.fromiter((row.first_key for row in rows), np.int64, len(rows))
    counts = np.ones(len(values), np.int64)
    counts[several] = _unpacked(b"".join(bytes(row.counts) for row in rows))[0]
    return Postings(
        np.repeat(np.fromiter((row.list for row in rows), np.int64, len(rows)), sizes),
        walked + np.repeat(first - walked[starts], sizes) if rows else walked,
        counts,
    )


def _heads(lists: Numbers) -> Numbers:
    """Where each list begins."""
    return np.flatnonzero(np.diff(lists, prepend=lists[0] - 1))


def _packed(values: Numbers) -> tuple[bytes, Numbers]:
    """The values as LEB128, and where each begins."""
    sizes = np.ones(len(values), np.int64)
    for bits in range(7, 63, 7):
        more = values >> bits > 0
        if not more.any():
            break
        sizes += more
    places = np.cumsum(sizes) - sizes
    packed: Bytes = np.zeros(int(sizes.sum()), np.uint8)
    for number in range(int(sizes.max(initial=0))):
        there = sizes > number
        more = sizes[there] > number + 1
        packed[places[there] + number] = values[there] >> 7 * number & 0x7F | more.astype(np.int64) << 7
    return packed.tobytes(), places


def _unpacked(packed: bytes) -> tuple[Numbers, Numbers]:
    """The values of LEB128, and the place of the last byte of each."""
    data: Bytes = np.frombuffer(packed, np.uint8)
    lasts = np.flatnonzero(data < 0x80)
    firsts = np.concatenate(([0], lasts[:-1] + 1)) if len(lasts) else lasts
    values = (data[firsts] & 0x7F).astype(np.int64)
    sizes = lasts - firsts
    for number in range(1, int(sizes.max(initial=0)) + 1):
        there = sizes >= number
        values[there] |= (data[firsts[there] + number] & 0x7F).astype(np.int64) << 7 * number
    return values, lasts
