"""Long answers that never change, kept compressed, so that they are made once.

A release is made of tens of thousands of bodies, each compressed by itself. Compressed together, ATT&CK Enterprise takes a
seventh of its size in memory, and is ready to be sent in a fifth of the time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

import zstandard

_LEVEL = 3
# Each piece needs a thread for a moment, and is in memory as a whole.
_PIECE = 1024 * 1024


class KeptStreams:
    """Keeps streams under a key that says all about their contents, up to a number of bytes. What is kept stays true, even
    if what it was made from changes while it is sent.

    What is kept of a stream are the pieces of one zstd frame. Each piece can be decompressed once those before it are.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._kept: OrderedDict[str, Sequence[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def packed(self, key: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a stream, compressed with zstd: what is kept of it, or what is made of these chunks."""
        kept = self._find(key)
        if kept is None:
            yield from (packed for packed, _ in self._made(key, chunks))
            return
        yield from kept

    def plain(self, key: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a stream as it is; otherwise as `packed`."""
        kept = self._find(key)
        if kept is None:
            yield from (plain for _, plain in self._made(key, chunks) if plain)
            return
        decompress = zstandard.ZstdDecompressor().decompressobj(write_size=_PIECE).decompress
        for piece in kept:
            plain = decompress(piece)
            if plain:
                yield plain

    def _made(self, key: str, chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield each piece, compressed and as it is, and keep the stream if all of it was asked for."""
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        pieces: list[bytes] = []
        size = 0
        for plain in _in_pieces(chunks):
            packed = compressor.compress(plain) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            size += len(packed)
            if size <= self._size:
                pieces.append(packed)
            else:
                pieces.clear()
            yield packed, plain
        last = compressor.flush()
        yield last, b""
        if size <= self._size:
            self._keep(key, [*pieces, last])

    def _find(self, key: str) -> Sequence[bytes] | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: str, pieces: Sequence[bytes]) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = pieces
            self._used += sum(map(len, pieces))
            while self._used > self._size:
                _, given_up = self._kept.popitem(last=False)
                self._used -= sum(map(len, given_up))


def _in_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join chunks until they are as long as a piece."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield b"".join(waiting)
