"""The download cache: a file that has not changed on the server is not downloaded again."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
import zstandard

_LEVEL = 3
_UNFINISHED = ".unfinished-"
_UNFINISHED_SECONDS = 3600


class _Head(msgspec.Struct):
    """The first line of a cached file: the server's headers, and the size and digest by which damage is detected."""

    etag: str | None
    last_modified: str | None
    size: int
    sha256: str
    link: str | None = None


@dataclass(frozen=True)
class Entry:
    """A file as a server last sent it, with its validators and its `Link` header."""

    etag: str | None
    last_modified: str | None
    content: bytes = field(repr=False)
    link: str | None = None

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that request the file only if it has changed."""
        conditions = {}
        if self.etag:
            conditions["If-None-Match"] = self.etag
        if self.last_modified:
            conditions["If-Modified-Since"] = self.last_modified
        return conditions


class DownloadCache:
    """A folder of downloads of at most `max_bytes`; the least recently used ones are deleted first.

    The cache never causes an error: an entry that is missing, damaged or cannot be written is treated as not cached. Files
    are named by a digest of their URL because the URL may contain a key.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, url: str) -> Entry | None:
        """The cached file for this URL; None if there is none, or it is damaged."""
        path = self._path(url)
        try:
            first, _, packed = path.read_bytes().partition(b"\n")
            head = msgspec.json.decode(first, type=_Head)
            content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=head.size)
        except (OSError, ValueError, OverflowError, msgspec.MsgspecError, zstandard.ZstdError):
            return None
        if len(content) != head.size or sha256(content).hexdigest() != head.sha256:
            return None
        with contextlib.suppress(OSError):  # the folder may be read-only
            os.utime(path)
        return Entry(head.etag, head.last_modified, content, head.link)

    def put(self, url: str, headers: Mapping[str, str], content: bytes) -> None:
        """Cache a file if its headers (names in lower case) contain a validator."""
        etag, last_modified = _sendable(headers.get("etag")), _sendable(headers.get("last-modified"))
        if not (etag or last_modified):
            return
        head = _Head(etag, last_modified, len(content), sha256(content).hexdigest(), headers.get("link"))
        packed = msgspec.json.encode(head) + b"\n" + zstandard.ZstdCompressor(level=_LEVEL).compress(content)
        if len(packed) > self._max_bytes:
            return
        with contextlib.suppress(OSError):
            self._write(self._path(url), packed)
            self._make_room()

    def _path(self, url: str) -> Path:
        return self._folder / f"{sha256(url.encode()).hexdigest()}.download"

    def _write(self, path: Path, packed: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(packed)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _make_room(self) -> None:
        for path in self._folder.glob(f"{_UNFINISHED}*"):  # left by a process that was killed while writing
            if time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                path.unlink(missing_ok=True)
        found = [(path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*.download")]
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def _sendable(value: str | None) -> str | None:
    """A header's value if it can be sent back unchanged."""
    return value if value is not None and value.isascii() else None
