"""Compressed files become plain ones: all of them, within a limit, or not at all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BytesIO

import zstandard

from ctibutler.errors import MalformedFile

SUFFIXES = ("", ".zst", ".gz")
"""What a file's name may end in, in the order in which files are looked for."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_PIECE = 256 * 1024
# One zstd block of four bytes can stand for 128 KiB: a piece of 1 KiB makes 32 MiB at most.
_ZSTD_PIECE = 1024


def unpack(content: bytes, name: str, max_bytes: int) -> bytes:
    """The content without its compression, gzip or zstd; as it is when it is neither.

    The content's first bytes decide, not the name: servers send `.gz` files with and without undoing them.

    Raises MalformedFile, naming the file, when it is cut off or damaged, or unpacks to more than `max_bytes`.
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
    """How many bytes a file has, unpacked, as its first bytes say it; None where they do not."""
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
    """The content of each frame in turn. Raises EOFError when the last one is not whole.

    The library's stream reader would take a file that is cut off for a shorter one.
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
