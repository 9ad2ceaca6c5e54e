"""Zip archives become their members: whole, within limits, or not at all.

What an archive says about itself is not believed. A member is unpacked piece by piece and counted, and an archive whose
directory gives another size than the member has is refused: programs that read it could see different contents.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ctibutler.errors import MalformedFile

MAX_MEMBERS: Final = 1000
"""How many members an archive may have. DISARM's workbook of release 1.6 has 28."""

_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_ENCRYPTED: Final = 0x1
_PIECE: Final = 256 * 1024
_UNREADABLE: Final = (BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


def is_archive(content: bytes) -> bool:
    """Whether a file starts as zip archives do, be it whole or not."""
    return content.startswith(_MAGIC)


def single_member(content: bytes, suffix: str, name: str, max_bytes: int) -> bytes:
    """The one member of a zip archive whose name ends in `suffix`, large or small letters; others are not unpacked.

    Raises MalformedFile, naming the file by `name`, when there is not exactly one, when it has more than `max_bytes`,
    or when the archive is encrypted, cut off or damaged.
    """
    with _opened(content, name, MAX_MEMBERS) as archive:
        found = [member for member in archive.infolist() if member.filename.lower().endswith(suffix)]
        if len(found) != 1:
            raise MalformedFile(f"{name}: expected one {suffix} file in the zip file, found {len(found)}")
        return _unpacked(archive, found[0], name, max_bytes, max_bytes)


def all_members(content: bytes, name: str, max_bytes: int, max_members: int = MAX_MEMBERS) -> dict[str, bytes]:
    """Every file in a zip archive, by its name there. Archives inside stay packed.

    Raises MalformedFile, naming the file by `name`, when there are more than `max_members`, when they have more than
    `max_bytes` together, when two have the same name, or when the archive is encrypted, cut off or damaged.
    """
    members: dict[str, bytes] = {}
    left = max_bytes
    with _opened(content, name, max_members) as archive:
        for member in archive.infolist():
            if member.filename in members:
                raise MalformedFile(f"{name}: the zip file has two members of the name {_brief(member.filename)}")
            members[member.filename] = _unpacked(archive, member, name, left, max_bytes)
            left -= len(members[member.filename])
    return members


@contextmanager
def _opened(content: bytes, name: str, max_members: int) -> Iterator[ZipFile]:
    # Counted before the directory is read, which makes an object of each entry. Archives inside count if not compressed.
    if content.count(_DIRECTORY_ENTRY) > max_members:
        raise MalformedFile(f"{name}: the zip file has more members than the limit of {max_members}")
    try:
        with ZipFile(BytesIO(content)) as archive:
            yield archive
    except _UNREADABLE as error:
        raise MalformedFile(f"{name}: the zip file is cut off or damaged: {error}") from error


def _unpacked(archive: ZipFile, member: ZipInfo, name: str, left: int, limit: int) -> bytes:
    """The content of a member that may have `left` bytes of the `limit` for all."""
    if member.flag_bits & _ENCRYPTED:
        raise MalformedFile(f"{name}: {_brief(member.filename)} in the zip file is encrypted")
    # Other methods unpack a piece without a limit to what becomes of it.
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise MalformedFile(f"{name}: {_brief(member.filename)} in the zip file is packed in an unusual way")
    # The library ends a member where the directory says that it ends; what comes after would go unseen.
    said, member.file_size = member.file_size, sys.maxsize
    unpacked = BytesIO()
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            if unpacked.tell() + len(piece) > left:
                raise MalformedFile(f"{name}: the zip file unpacks to more than the limit of {limit} bytes")
            unpacked.write(piece)
    if unpacked.tell() != said:
        where = f"{_brief(member.filename)} in the zip file"
        raise MalformedFile(f"{name}: {where} has {unpacked.tell()} bytes, not {said} as its directory says")
    return unpacked.getvalue()


def _brief(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:77] + "...")
