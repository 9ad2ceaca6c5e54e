"""Words that stand in many rows: types, relationship types, knowledge bases, names of fields."""

from __future__ import annotations

from collections.abc import Iterable

from ctibutler.catalog.engine.connection import Connection


class Words:
    """Words as small numbers.

    The table only ever grows, so what was read once stays true.
    """

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._words: dict[int, str] = {}

    def key(self, connection: Connection, word: str) -> int:
        """The number of a word, 0 where no row has it."""
        # Another thread may forget or load at any moment: what was asked is answered from one state.
        return self._keys.get(word) or self._load(connection)[0].get(word, 0)

    def word(self, connection: Connection, key: int) -> str:
        """The word of a number."""
        return self._words.get(key) or self._load(connection)[1][key]

    def forget(self) -> None:
        """Read the words again when one is needed next."""
        self._keys = {}
        self._words = {}

    def _load(self, connection: Connection) -> tuple[dict[str, int], dict[int, str]]:
        rows = connection.rows("SELECT word_key, word FROM word")
        words = self._words = {row.word_key: row.word for row in rows}
        keys = self._keys = {row.word: row.word_key for row in rows}
        return keys, words


def ensure_words(connection: Connection, words: Iterable[str]) -> dict[str, int]:
    """The numbers of these words, made where they are missing. The connection is one that writes."""
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
        first = (connection.value("SELECT max(word_key) FROM word") or 0) + 1
        made = {word: first + place for place, word in enumerate(missing)}
        connection.insert("word", ("word_key", "word"), [(key, word) for word, key in made.items()])
        found |= made
    return found
