"""Reading the compressed bytes of objects."""

from __future__ import annotations

import threading

import zstandard

from ctibutler.catalog.engine.transaction import Transaction

WITHOUT_DICTIONARY = 0


def shrunk(content: bytes) -> bytes:
    """Compress what is stored once and read seldom: a dictionary, a mapping."""
    return zstandard.ZstdCompressor(level=9, write_checksum=True).compress(content)


def plain(stored: bytes) -> bytes:
    """Return what `shrunk` compressed. Earlier versions stored it as it was; then it is returned unchanged."""
    return zstandard.ZstdDecompressor().decompress(stored) if stored.startswith(zstandard.FRAME_HEADER) else stored


class Bodies:
    """Decompresses bodies of one database; keeps the dictionaries that it has loaded."""

    def __init__(self) -> None:
        self._dictionaries: dict[int, zstandard.ZstdCompressionDict | None] = {WITHOUT_DICTIONARY: None}
        self._of_thread = threading.local()

    def content(self, connection: Transaction, dictionary_key: int, compressed: bytes) -> bytes:
        """Return the bytes of one object."""
        return self.decompressor(connection, dictionary_key).decompress(compressed)

    def decompressor(self, connection: Transaction, dictionary_key: int) -> zstandard.ZstdDecompressor:
        """Return what decompresses the bodies that were compressed with a dictionary, for this thread."""
        # A decompressor serves one thread at a time; dictionaries are shared.
        mine: dict[int, zstandard.ZstdDecompressor] = self._of_thread.__dict__.setdefault("by_key", {})
        found = mine.get(dictionary_key)
        if found is None:
            if dictionary_key not in self._dictionaries:
                stored = connection.value(
                    "SELECT content FROM dictionary WHERE dictionary_key = :dictionary_key",
                    dictionary_key=dictionary_key,
                )
                self._dictionaries[dictionary_key] = zstandard.ZstdCompressionDict(plain(bytes(stored)))
            found = zstandard.ZstdDecompressor(dict_data=self._dictionaries[dictionary_key])
            mine[dictionary_key] = found
        return found
