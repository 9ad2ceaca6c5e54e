"""Files that commands write: completely, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from ctibutler.errors import InvalidRequest


def file_named(path: Path | None) -> Path | None:
    """Return the file that an option names; None if it names none, or standard output by `-`."""
    return None if path is None or str(path) == "-" else path


def write_file(path: Path, chunks: Iterable[bytes], mode: int | None = None) -> int:
    """Write a file, replacing one that exists, and return its size in bytes. `mode` are its permissions; None: the usual ones.

    It appears under its name once it is complete. Raises InvalidRequest for the name of a folder, and OSError.
    """
    if path.is_dir():
        raise InvalidRequest(f"{path} is a folder; name a file")
    if path.exists() and not path.is_file():  # a device or a pipe: `-o /dev/stdout`
        with _named(path), path.open("wb", buffering=0) as file:
            return sum(_write_all(file, chunk) for chunk in chunks)
    with _named(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with _named(path), os.fdopen(handle, "wb") as file:
            size = sum(file.write(chunk) for chunk in chunks)
        Path(name).chmod(0o666 & ~_umask() if mode is None else mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors of the system name this file, not a temporary one or none."""
    try:
        yield
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, str(path)) from None


def _write_all(file: FileIO, chunk: bytes) -> int:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]
    return len(chunk)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
