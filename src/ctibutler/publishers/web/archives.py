"""Unpacks zip archives completely and within limits, or not at all.

What an archive says about itself is not trusted. Each member is unpacked in pieces and counted. An archive whose directory
states another size than the member has is refused, because two programs could read different contents from it.
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
"""The maximum number of members in an archive. DISARM's workbook of release 1.6 has 28."""

_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_ENCRYPTED: Final = 0x1
_PIECE: Final = 256 * 1024
_UNREADABLE: Final = (BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


def is_archive(content: bytes) -> bool:
    """Whether a file starts like a zip archive. It may still be cut off."""
    return content.startswith(_MAGIC)


def single_member(content: bytes, suffix: str, name: str, max_bytes: int) -> bytes:
    """The one member of a zip archive whose name ends in `suffix`, in any case. Other members are not unpacked.

    `name` stands for the file in messages. Raises MalformedFile if there is not exactly one such member, if it is larger
    than `max_bytes`, or if the archive is encrypted, cut off or damaged.
    """
    with _opened(content, name, MAX_MEMBERS) as archive:
        found = [member for member in archive.infolist() if member.filename.lower().endswith(suffix)]
        if len(found) != 1:
            raise MalformedFile(f"{name}: expected one {suffix} file in the zip file, found {len(found)}")
        return _unpacked(archive, found[0], name, max_bytes, max_bytes)


def all_members(content: bytes, name: str, max_bytes: int, max_members: int = MAX_MEMBERS) -> dict[str, bytes]:
    """The contents of all files in a zip archive, by name. Nested archives are not unpacked.

    `name` stands for the file in messages. Raises MalformedFile if there are more than `max_members`, if they exceed
    `max_bytes` in total, if two have the same name, or if the archive is encrypted, cut off or damaged.
    """
    members: dict[str, bytes] = {}
    left = max_bytes
    with _opened(content, name, max_members) as archive:
        for member in archive.infolist():
            if member.filename in members:
                raise MalformedFile(f"{name}: the zip file has two members named {_brief(member.filename)}")
            members[member.filename] = _unpacked(archive, member, name, left, max_bytes)
            left -= len(members[member.filename])
    return members


@contextmanager
def _opened(content: bytes, name: str, max_members: int) -> Iterator[ZipFile]:
    # Checked before the library reads the directory and creates an object for each entry. Entries of nested archives are
    # counted too if those are not compressed.
    if content.count(_DIRECTORY_ENTRY) > max_members:
        raise MalformedFile(f"{name}: the zip file has more members than the limit of {max_members}")
    try:
        with ZipFile(BytesIO(content)) as archive:
            yield archive
    except _UNREADABLE as error:
        raise MalformedFile(f"{name}: the zip file is cut off or damaged: {error}") from error


def _unpacked(archive: ZipFile, member: ZipInfo, name: str, left: int, limit: int) -> bytes:
    """The content of a member, at most `left` bytes: what remains of the `limit` for the whole archive."""
    if member.flag_bits & _ENCRYPTED:
        raise MalformedFile(f"{name}: {_brief(member.filename)} in the zip file is encrypted")
    # For other methods, the library puts no limit on what one piece expands to.
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise MalformedFile(f"{name}: {_brief(member.filename)} in the zip file uses an unsupported compression method")
    # The library stops at the size in the directory, so that anything after it would go unnoticed.
    declared_size, member.file_size = member.file_size, sys.maxsize
    unpacked = BytesIO()
    with archive.open(member) as file:
        while piece := file.read(_PIECE):
            if unpacked.tell() + len(piece) > left:
                raise MalformedFile(f"{name}: the zip file unpacks to more than the limit of {limit} bytes")
            unpacked.write(piece)
    if unpacked.tell() != declared_size:
        where = f"{_brief(member.filename)} in the zip file"
        raise MalformedFile(f"{name}: {where} has {unpacked.tell()} bytes, but its directory says {declared_size}")
    return unpacked.getvalue()


def _brief(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:77] + "...")
