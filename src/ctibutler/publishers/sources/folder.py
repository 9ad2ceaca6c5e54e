"""A bucket that is a folder on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from ctibutler.errors import InvalidRequest, SourceUnavailable
from ctibutler.publishers.web.failures import SourceDown
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.publishers.web.unpacking import unpacked_size

_PIECE = 4 * 1024 * 1024


def folder_named(text: str, setting: str) -> Path:
    """The folder at a path (relative to the current folder) or a `file://` URL, which is the value of this setting.

    Raises InvalidRequest if the URL names another machine.
    """
    if not re.match(r"file:", text, re.IGNORECASE):
        return Path(text).expanduser()
    url = urlsplit(text)
    if url.netloc not in ("", "localhost"):
        raise InvalidRequest.of(setting, f"`{text}` is a folder on another machine ({url.netloc}).")
    from urllib.request import url2pathname  # late: it loads an HTTP client

    return Path(url2pathname(url.path))


class Folder:
    """Reads the files of a bucket from a folder, up to `max_bytes` each. `setting` is the setting that names the folder."""

    def __init__(self, path: Path, max_bytes: int, setting: str = "CTIBUTLER_BUCKET") -> None:
        self._path = path.absolute()
        self._max_bytes = max_bytes
        self._setting = setting

    def address(self, *parts: str) -> str:
        """The path of a file, for messages."""
        return str(self._path.joinpath(*parts))

    @contextmanager
    def opened(self) -> Iterator[Folder]:
        """Open the bucket: nothing to do for a folder."""
        yield self

    def names(self, folder: str) -> list[str] | None:
        """The names of the files in one folder of the bucket; None if there is no such folder.

        Raises SourceDown if the bucket does not exist.
        """
        if not self._path.is_dir():
            raise SourceDown(f"the folder {self._path} does not exist ({self._setting})")
        try:
            return sorted(entry.name for entry in (self._path / folder).iterdir() if entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceUnavailable(f"{self.address(folder)} cannot be read: {error.strerror}") from None

    def short_text(self, folder: str, name: str, max_bytes: int) -> bytes | None:
        """The content of a small file; None if there is no such file.

        Raises SourceDown if the bucket does not exist, SourceUnavailable if the file is too large or cannot be read.
        """
        names = self.names(folder)
        if names is None or name not in names:
            return None
        return self._content(folder, name, max_bytes, no_progress)

    def read(self, folder: str, name: str, progress: Progress) -> bytes | None:
        """The content of a file as it is stored; None if there is no such file.

        Raises SourceDown if the bucket does not exist, SourceUnavailable if the file is too large or cannot be read.
        """
        names = self.names(folder)
        if names is None or name not in names:
            return None
        return self._content(folder, name, self._max_bytes, progress)

    def size(self, folder: str, name: str) -> int | None:
        """The unpacked size of a file in bytes; None if only unpacking would tell."""
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
                    raise SourceUnavailable(f"{path} is larger than the limit of {max_bytes} bytes: {total} bytes")
                content = BytesIO()
                while piece := file.read(_PIECE):
                    content.write(piece)
                    progress(content.tell(), total)
        except OSError as error:
            raise SourceUnavailable(f"{path} cannot be read: {error.strerror}") from None
        return content.getvalue()
