"""Words that repeat in many rows, stored as numbers: types, relationship types, knowledge bases, names of fields."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.engine.transaction import Transaction


class Words:
    """The words of one database and their numbers, read once. The table only grows, so they stay true."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._words: dict[int, str] = {}

    def key(self, connection: Transaction, word: str) -> int:
        """Return the number of a word, or 0 if no row has it."""
        # Another thread may forget or load at any moment, so the answer comes from one snapshot.
        return self._keys.get(word) or self._load(connection)[0].get(word, 0)

    def word(self, connection: Transaction, key: int) -> str:
        """Return the word with this number."""
        return self._words.get(key) or self._load(connection)[1][key]

    def forget(self) -> None:
        """Drop what was read: a transaction that rolled back may have read words that were never committed."""
        self._keys = {}
        self._words = {}

    def _load(self, connection: Transaction) -> tuple[dict[str, int], dict[int, str]]:
        rows = connection.rows("SELECT word_key, word FROM word")
        words = self._words = {row.word_key: row.word for row in rows}
        keys = self._keys = {row.word: row.word_key for row in rows}
        return keys, words


def ensure_words(connection: Transaction, words: Iterable[str]) -> dict[str, int]:
    """Return the numbers of these words; insert those that are missing. Needs a transaction that writes."""
    wanted = set(words)
    found: dict[str, int] = {
        row.word: row.word_key
        for row in connection.rows(
            f"SELECT word, word_key FROM word WHERE word IN {connection.in_list('words', 'text')}",
            words=sorted(wanted),
        )
    }
    missing = sorted(wanted - found.keys())
    if missing:
        first = next_key(connection, "word", "word_key")
        made = {word: first + place for place, word in enumerate(missing)}
        connection.insert("word", ("word_key", "word"), [(key, word) for word, key in made.items()])
        found |= made
    return found
