"""A release before its import: its contents and its origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from ctibutler.errors import MalformedFile
from ctibutler.stix.bundles import Bundle, bundle_chunks
from ctibutler.stix.times import microseconds, rfc3339


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a release came from.

    `source` is the name of the source, `location` the place there: a URL without secrets, a path, or a package and its
    file. `sha256` (64 hex digits) is the digest of the uncompressed file that was read. `fetched_at` is the time of the
    download in microseconds, None if unknown. `converter` and its version are set if the file was not STIX 2.1.
    `mirrored_from` is the origin that a mirror states for its copy.
    """

    source: str
    location: str
    sha256: str
    fetched_at: int | None = None
    converter: str | None = None
    converter_version: int | None = None
    mirrored_from: Origin | None = None

    @property
    def first(self) -> Origin:
        """The original origin: if the release came from a mirror, the one that the mirror states."""
        return self.mirrored_from or self

    def to_json(self) -> bytes:
        """The origin as JSON, without `mirrored_from`. `read_origin` reads it."""
        fetched_at = None if self.fetched_at is None else rfc3339(self.fetched_at)
        return msgspec.json.encode(
            _Written(self.source, self.location, fetched_at, self.sha256, self.converter, self.converter_version)
        )


class _Written(msgspec.Struct):
    """The form of an origin in a mirror's file and in the catalogue."""

    source: str
    location: str
    fetched_at: str | None
    sha256: str
    converter: str | None
    converter_version: int | None


class _Read(msgspec.Struct):
    """The required form of an origin that another program may have written."""

    source: str
    location: str
    sha256: str
    fetched_at: str | None = None
    converter: str | None = None
    converter_version: int | None = None


def read_origin(content: bytes | str, name: str) -> Origin:
    """Parse an origin. An invalid time is treated as unknown. `name` stands for the file in messages.

    Raises MalformedFile.
    """
    try:
        read = msgspec.json.decode(content, type=_Read)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise MalformedFile(f"{name}: expected the origin of a release: {str(failure)[:200]}") from None
    return Origin(
        read.source, read.location, read.sha256, _instant(read.fetched_at), read.converter, read.converter_version
    )


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One complete release as a source delivered it.

    `bundle` is a STIX 2.1 bundle: the publisher's bytes, or the objects that a converter created. `file_name` and `size`
    (in bytes) describe the uncompressed file that was read. `mapping` is a JSON list of relations to other knowledge bases
    (D3FEND). `details` is a JSON object by STIX id with what the STIX objects do not contain (CWE).
    """

    knowledge_base: str
    label: str
    origin: Origin
    file_name: str
    size: int
    bundle: bytes | Bundle = field(repr=False)
    mapping: bytes | None = field(default=None, repr=False)
    details: bytes | None = field(default=None, repr=False)

    @property
    def bundle_bytes(self) -> bytes:
        """The bundle as JSON: the publisher's bytes, or the encoded objects of a converter."""
        if isinstance(self.bundle, bytes):
            return self.bundle
        return b"".join(bundle_chunks(self.bundle.id or "", (item.content for item in self.bundle.objects)))

    @classmethod
    def of_bundle(
        cls,
        knowledge_base: str,
        label: str,
        content: bytes,
        *,
        source: str,
        location: str,
        file_name: str,
        fetched_at: int | None = None,
        mirrored_from: Origin | None = None,
        mapping: bytes | None = None,
        details: bytes | None = None,
    ) -> ReleaseFile:
        """The release in a STIX 2.1 bundle, given as uncompressed bytes."""
        digest = sha256(content).hexdigest()
        origin = Origin(source, location, digest, fetched_at, mirrored_from=mirrored_from)
        return cls(knowledge_base, label, origin, file_name, len(content), content, mapping, details)


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else microseconds(text)
    except ValueError:
        return None
