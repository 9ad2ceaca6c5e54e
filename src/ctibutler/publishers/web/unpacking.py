"""Unpacks gzip and zstd files completely and within a limit, or not at all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BytesIO

import zstandard

from ctibutler.errors import MalformedFile

SUFFIXES = ("", ".zst", ".gz")
"""The possible endings of a file's name, in the order in which they are tried."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_PIECE = 256 * 1024
# A zstd block of four bytes can expand to 128 KiB, so 1 KiB of input expands to at most 32 MiB.
_ZSTD_PIECE = 1024


def unpack(content: bytes, name: str, max_bytes: int) -> bytes:
    """The unpacked content of a gzip or zstd file; anything else is returned unchanged.

    The first bytes decide, not the name, because some servers unpack `.gz` files before sending them.

    Raises MalformedFile if the file is cut off or damaged, or unpacks to more than `max_bytes`.
    """
    if content.startswith(_GZIP_MAGIC):
        pieces = _gunzipped(content)
    elif content.startswith(_ZSTD_MAGIC):
        pieces = _unzstd(content)
    elif len(content) > max_bytes:
        raise _too_large(name, max_bytes)
    else:
        return content
    return _within(pieces, name, max_bytes)


def unpacked_size(head: bytes) -> int | None:
    """The unpacked size of a zstd file in bytes, from its first bytes; None if they do not state it."""
    if not head.startswith(_ZSTD_MAGIC):
        return None
    try:
        size = zstandard.frame_content_size(head)
    except zstandard.ZstdError:
        return None
    return size if 0 <= size < zstandard.CONTENTSIZE_ERROR else None


def _within(pieces: Iterator[bytes], name: str, max_bytes: int) -> bytes:
    unpacked = BytesIO()
    try:
        for piece in pieces:
            if unpacked.tell() + len(piece) > max_bytes:
                raise _too_large(name, max_bytes)
            unpacked.write(piece)
    except EOFError:
        raise MalformedFile(f"{name}: the compressed file is cut off") from None
    except (zstandard.ZstdError, zlib.error, gzip.BadGzipFile) as error:
        raise MalformedFile(f"{name}: the compressed file is damaged: {error}") from None
    return unpacked.getvalue()


def _too_large(name: str, max_bytes: int) -> MalformedFile:
    return MalformedFile(f"{name}: larger than the limit of {max_bytes} bytes (CTIBUTLER_BUNDLE_MAX_BYTES)")


def _gunzipped(content: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=BytesIO(content)) as file:
        while piece := file.read(_GZIP_PIECE):
            yield piece


def _unzstd(content: bytes) -> Iterator[bytes]:
    """The content of each frame in turn. Raises EOFError if the last one is incomplete.

    The library's stream reader does not notice when a file is cut off.
    """
    rest = memoryview(content)
    frame = zstandard.ZstdDecompressor().decompressobj()
    while rest:
        piece, rest = rest[:_ZSTD_PIECE], rest[_ZSTD_PIECE:]
        yield frame.decompress(piece)
        if frame.eof:
            left = len(frame.unused_data)
            rest = memoryview(content)[len(content) - len(rest) - left :]
            if not rest:
                return
            frame = zstandard.ZstdDecompressor().decompressobj()
    raise EOFError
