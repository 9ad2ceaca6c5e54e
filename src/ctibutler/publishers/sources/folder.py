"""A bucket that is a folder on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ctibutler.errors import InvalidRequest, SourceUnavailable
from ctibutler.publishers.web.failures import SourceDown
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.publishers.web.unpacking import unpacked_size

_PIECE = 4 * 1024 * 1024


def folder_named(text: str, said_by: str) -> Path:
    """The folder of a path (relative to the current one) or of a `file://` URL, as this setting or option says it.

    Raises InvalidRequest when the URL names another machine.
    """
    if not re.match(r"file:", text, re.IGNORECASE):
        return Path(text).expanduser()
    url = urlsplit(text)
    if url.netloc not in ("", "localhost"):
        raise InvalidRequest.of(said_by, f"`{text}` is a folder of another machine ({url.netloc}).")
    return Path(url2pathname(url.path))


class Folder:
    """Reads the files of a bucket from a folder, none larger than `max_bytes`; `said_by` is the setting that names it."""

    def __init__(self, path: Path, max_bytes: int, said_by: str = "CTIBUTLER_BUCKET") -> None:
        self._path = path.absolute()
        self._max_bytes = max_bytes
        self._said_by = said_by

    def address(self, *parts: str) -> str:
        """The path of a file, for people."""
        return str(self._path.joinpath(*parts))

    @contextmanager
    def visit(self) -> Iterator[Folder]:
        """The folder, to ask several things of it."""
        yield self

    def names(self, folder: str) -> list[str] | None:
        """The names of the files in one folder of the bucket; None where there is no such folder.

        Raises SourceDown when there is no bucket.
        """
        if not self._path.is_dir():
            raise SourceDown(f"there is no folder {self._path} ({self._said_by})")
        try:
            return sorted(entry.name for entry in (self._path / folder).iterdir() if entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceUnavailable(f"{self.address(folder)} cannot be read: {error.strerror}") from None

    def short_text(self, folder: str, name: str, max_bytes: int) -> bytes | None:
        """The content of a small file; None where there is none.

        Raises SourceDown when there is no bucket, SourceUnavailable when the file cannot be read or is larger.
        """
        names = self.names(folder)
        if names is None or name not in names:
            return None
        return self._content(folder, name, max_bytes, no_progress)

    def read(self, folder: str, name: str, progress: Progress) -> bytes | None:
        """The content of a file as it lies there; None where there is none.

        Raises SourceDown when there is no bucket, SourceUnavailable when the file cannot be read or is too large.
        """
        names = self.names(folder)
        if names is None or name not in names:
            return None
        return self._content(folder, name, self._max_bytes, progress)

    def size(self, folder: str, name: str) -> int | None:
        """How many bytes a file has, unpacked, where that is known without unpacking it."""
        path = self._path / folder / name
        try:
            if not name.endswith((".zst", ".gz")):
                return path.stat().st_size
            with path.open("rb") as file:
                return unpacked_size(file.read(18))
        except OSError:
            return None

    def _content(self, folder: str, name: str, max_bytes: int, progress: Progress) -> bytes:
        path = self._path / folder / name
        try:
            with path.open("rb") as file:
                total = path.stat().st_size
                if total > max_bytes:
                    raise SourceUnavailable(f"{path} has {total} bytes: more than the limit of {max_bytes}")
                content = BytesIO()
                while piece := file.read(_PIECE):
                    content.write(piece)
                    progress(content.tell(), total)
        except OSError as error:
            raise SourceUnavailable(f"{path} cannot be read: {error.strerror}") from None
        return content.getvalue()
