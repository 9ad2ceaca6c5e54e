"""Objects' bytes, compressed with a dictionary of their knowledge base.

One object alone compresses badly: most of what it shares, it shares with its neighbours. A dictionary trained on the first
release of a knowledge base makes Enterprise 18.1 a fifth of its size, and serves its later releases too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zstandard

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.identifiers import next_key
from ctibutler.catalog.engine.words import ensure_words

# Measured on Enterprise 18.1 (36.7 MB minified): with this dictionary level 3 gives 7.9 MB in 0.2 s, level 6 7.2 MB in
# 0.8 s, level 9 hardly less in 1.5 s.
LEVEL = 6
DICTIONARY_BYTES = 256 * 1024
SAMPLES = 4000
LARGEST_SAMPLE = 20_000
FEWEST_SAMPLES = 50
WITHOUT_DICTIONARY = 0
# More than one transaction adds: one of its knowledge base, one for details, one for links.
DICTIONARIES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """Contents made small: their bytes in order, and the dictionary that they need. `trained` is a new dictionary that is
    still to be stored; otherwise `dictionary_key` names the stored one."""

    contents: list[bytes]
    dictionary_key: int
    trained: bytes | None

    def stored(self, connection: Connection, base: str) -> int:
        """Store the dictionary if it is new; gives its key."""
        if self.trained is None:
            return self.dictionary_key
        words = ensure_words(connection, [base])
        # Readers keep dictionaries by their key, so that no key may ever be given again, not even that of one that was
        # removed. The revision only grows, and by one with each transaction that adds or removes dictionaries.
        revision = int(connection.value("SELECT revision FROM catalogue"))
        key = max(next_key(connection, "dictionary", "dictionary_key"), DICTIONARIES_AT_ONCE * revision)
        connection.insert("dictionary", ("dictionary_key", "base_key", "content"), [(key, words[base], self.trained)])
        return key


def pack(connection: Connection, base: str, contents: Sequence[bytes]) -> Packed:
    """Compress contents of one kind with its dictionary; the first of a kind make one."""
    row = connection.row(
        "SELECT dictionary_key, content FROM dictionary WHERE base_key = :base ORDER BY dictionary_key DESC LIMIT 1",
        base=connection.key(base),
    )
    trained = train(contents) if row is None else None
    compress = compressor(bytes(row.content) if row else trained)
    return Packed(
        [compress(content) for content in contents], row.dictionary_key if row else WITHOUT_DICTIONARY, trained
    )


def train(contents: Sequence[bytes]) -> bytes | None:
    """A dictionary for contents like these, or None where they are too few to learn from."""
    small = [content for content in contents if len(content) <= LARGEST_SAMPLE]
    step = max(1, len(small) // SAMPLES)
    sample: list[bytes | bytearray | memoryview] = [*small[::step]]
    size = min(DICTIONARY_BYTES, sum(map(len, sample)) // 8)
    if len(sample) < FEWEST_SAMPLES or size < 1024:
        return None
    try:
        return bytes(zstandard.train_dictionary(size, sample, k=200, d=8).as_bytes())
    except zstandard.ZstdError:  # too much alike, or too little: compression without a dictionary serves as well
        return None


def compressor(dictionary: bytes | None) -> Callable[[bytes], bytes]:
    """A function that compresses one object's bytes."""
    trained = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
    if trained:
        trained.precompute_compress(level=LEVEL)
    engine = zstandard.ZstdCompressor(
        level=LEVEL, dict_data=trained, write_content_size=True, write_dict_id=False, write_checksum=False
    )
    return engine.compress


class Bodies:
    """Reads the bytes of objects; keeps the dictionaries it met."""

    def __init__(self) -> None:
        self._dictionaries: dict[int, zstandard.ZstdCompressionDict | None] = {WITHOUT_DICTIONARY: None}
        self._of_thread = threading.local()

    def content(self, connection: Connection, dictionary_key: int, compressed: bytes) -> bytes:
        """The bytes of one object."""
        return self._decompressor(connection, dictionary_key).decompress(compressed)

    def _decompressor(self, connection: Connection, dictionary_key: int) -> zstandard.ZstdDecompressor:
        # A decompressor serves one thread at a time; dictionaries are shared.
        mine: dict[int, zstandard.ZstdDecompressor] = self._of_thread.__dict__.setdefault("by_key", {})
        found = mine.get(dictionary_key)
        if found is None:
            if dictionary_key not in self._dictionaries:
                stored = connection.value(
                    "SELECT content FROM dictionary WHERE dictionary_key = :dictionary_key",
                    dictionary_key=dictionary_key,
                )
                self._dictionaries[dictionary_key] = zstandard.ZstdCompressionDict(bytes(stored))
            found = zstandard.ZstdDecompressor(dict_data=self._dictionaries[dictionary_key])
            mine[dictionary_key] = found
        return found
