"""Bodies of answers while they are collected: long ones are compressed on the way.

All relationships as CSV are 55 MB, which would be in memory twice: as pieces, then joined. Compressed they take a tenth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import zstandard
from starlette.concurrency import run_in_threadpool

_PIECE = 1024 * 1024
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class LongBody:
    """A body in pieces, each compressed by itself with zstd. Iteration yields them as they were; `len` is in bytes."""

    packed: Sequence[bytes]
    size: int

    def __len__(self) -> int:
        """How many bytes are sent."""
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces as they are sent."""
        return map(zstandard.ZstdDecompressor().decompress, self.packed)


class Collector:
    """Collects a body. One of more than `most_plain` bytes is compressed."""

    def __init__(self, most_plain: int) -> None:
        self._most_plain = most_plain
        self._size = 0
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._packed: list[bytes] = []

    async def add(self, chunk: bytes) -> None:
        """Add what comes next."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        self._waiting_size += len(chunk)
        if self._size > self._most_plain and self._waiting_size >= _PIECE:
            self._packed += await run_in_threadpool(_packed, self._taken())

    def collected(self) -> bytes | LongBody:
        """Return the whole body."""
        if self._size <= self._most_plain:
            return b"".join(self._waiting)
        return LongBody([*self._packed, *_packed(self._taken())], self._size)

    def _taken(self) -> bytes:
        taken = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        return taken


def _packed(content: bytes) -> list[bytes]:
    compress = zstandard.ZstdCompressor(level=_LEVEL).compress
    return [compress(content[start : start + _PIECE]) for start in range(0, len(content), _PIECE)]
