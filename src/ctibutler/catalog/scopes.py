"""The objects of some releases as arrays: what ranking needs of each, without a query for each search.

numpy takes a while to load: import this module where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.catalog.postings import Marks, Numbers, Postings
from ctibutler.catalog.text_hits import lengths
from ctibutler.stix.objects import RELATIONSHIP


class Scope(NamedTuple):
    """Arrays side by side, in order of object key.

    `homes` are releases, by their place among those that were asked for (the first of several). `name_lengths` and
    `description_lengths` count words.
    """

    keys: Numbers
    types: Numbers
    homes: Numbers
    revoked: Marks
    deprecated: Marks
    name_lengths: Numbers
    description_lengths: Numbers

    def places(self, keys: Numbers) -> tuple[Numbers, Marks]:
        """Return where these objects are, and which of them are there at all."""
        return _places(self.keys, keys)


def scope_of(connection: Connection, release_keys: Sequence[int], *, relationships: bool = False) -> Scope:
    """Return the objects of these releases, with or without their relationships."""
    among = "" if relationships else f"AND member.type_key <> {connection.key(RELATIONSHIP)}"
    rows = connection.rows(
        f"""
        SELECT member.object_key, member.type_key, member.release_key, object.revoked, object.deprecated
          FROM member
          JOIN object ON object.object_key = member.object_key
         WHERE member.release_key IN {numbers(release_keys)}
           {among}
        """
    )
    place_of = {key: place for place, key in enumerate(release_keys)}
    table = np.array(
        sorted((row.object_key, place_of[row.release_key], row.type_key, row.revoked, row.deprecated) for row in rows),
        np.int64,
    ).reshape(-1, 5)
    keys, first = np.unique(table[:, 0], return_index=True)
    _, homes, types, revoked, deprecated = table[first].T
    names, descriptions = (_lengths_of(keys, of) for of in lengths(connection))
    return Scope(keys, types, homes, revoked > 0, deprecated > 0, names, descriptions)


def _lengths_of(keys: Numbers, lengths_of: Postings) -> Numbers:
    places, there = _places(lengths_of.keys, keys)
    found = np.zeros(len(keys), np.int64)
    found[there] = lengths_of.counts[places[there]]
    return found


def _places(keys: Numbers, wanted: Numbers) -> tuple[Numbers, Marks]:
    """Where these are in sorted keys, and which of them are there at all."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return places, keys[places] == wanted
