"""A transaction on the catalogue: SQL, and what repeats in its rows as small numbers.

Rows hold the number of a word (a type, say) and compressed bodies. Every database has one memo of words and one of
dictionaries, which all its connections share: looking up a word is a look-up in a dict, not a query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ctibutler.catalog.engine.bodies import Bodies
from ctibutler.catalog.engine.dialect import Dialect
from ctibutler.catalog.engine.stopping import Work
from ctibutler.catalog.engine.transaction import Transaction
from ctibutler.catalog.engine.words import Words


class Connection(Transaction):
    """One transaction on the catalogue."""

    def __init__(self, raw: Any, dialect: Dialect, words: Words, bodies: Bodies, work: Work | None = None) -> None:
        super().__init__(raw, dialect, work)
        self._words = words
        self._bodies = bodies

    def key(self, word: str) -> int:
        """Return the number of a word (a type, a relationship type, a knowledge base), or 0 if no row has it."""
        return self._words.key(self, word)

    def keys(self, words: Iterable[str]) -> list[int]:
        """Return the numbers of those of these words that any row has."""
        return [key for key in map(self.key, words) if key]

    def word(self, key: int) -> str:
        """Return the word with this number."""
        return self._words.word(self, key)

    def content(self, dictionary_key: int, compressed: bytes) -> bytes:
        """Return the bytes of an object from its row in `body`."""
        self.check()
        return self._bodies.content(self, dictionary_key, compressed)

    def contents(self, bodies: Iterable[tuple[int, int, bytes]]) -> dict[int, bytes]:
        """Return object key → bytes from rows of `body`: key, dictionary and compressed bytes."""
        by_dictionary: dict[int, Callable[[bytes], bytes]] = {}
        found: dict[int, bytes] = {}
        for key, dictionary_key, compressed in bodies:
            if dictionary_key not in by_dictionary:
                by_dictionary[dictionary_key] = self._bodies.decompressor(self, dictionary_key).decompress
            found[key] = by_dictionary[dictionary_key](compressed)
        return found
