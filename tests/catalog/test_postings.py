"""Posting lists keep what they are given, and take few bytes."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctibutler.catalog.postings import PER_ROW, Postings, counted, decoded, encoded, merged

Words = list[tuple[int, int]]
# The list of a word, and the key of the object that has it.
LISTS = st.integers(0, 5) | st.integers(0, 2**31 - 1)
KEYS = st.integers(1, 300) | st.integers(1, 2**32 - 1)
WORDS = st.lists(st.tuples(LISTS, KEYS), max_size=300)


def made(words: Words) -> Postings:
    lists, keys = (np.array([word[side] for word in words], np.int64) for side in (0, 1))
    return counted(lists, keys)


def triples(postings: Postings) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in postings), strict=True))


@given(WORDS)
def test_postings_are_decoded_as_they_were_encoded(words: Words) -> None:
    expected = sorted((*pair, count) for pair, count in Counter(words).items())
    assert triples(made(words)) == expected
    assert triples(decoded(encoded(made(words)))) == expected


@given(WORDS, WORDS)
def test_postings_are_merged_in_order(some: Words, others: Words) -> None:
    apart = [word for word in others if word not in set(some)]
    assert triples(merged(made(some), made(apart))) == triples(made(some + apart))


def test_a_long_list_is_cut_into_rows_and_only_the_last_is_short() -> None:
    words = [(number, key) for number in (3, 8) for key in range(5, 5 + 2 * PER_ROW + 10)]
    rows = encoded(made(words))
    parts = [len(decoded([row]).keys) for row in rows]
    assert parts == [PER_ROW, PER_ROW, 10] * 2
    assert [row.first_key for row in rows] == [5, 5 + PER_ROW, 5 + 2 * PER_ROW] * 2
    assert [number for number, _ in groupby(row.list for row in rows)] == [3, 8]


def test_an_object_that_follows_closely_takes_one_byte() -> None:
    (row,) = encoded(made([(1, key) for key in range(10_000, 10_500)] + [(1, 10_499)]))
    assert len(row.holders) == 500
    assert row.counts == b"\x02"
