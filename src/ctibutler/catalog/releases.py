"""Releases: which are installed, which is the latest, and what is known about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ctibutler.catalog.engine.bodies import plain, shrunk
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.transaction import numbers
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.release_files import Origin, read_origin

_COLUMNS = (
    "release_key, knowledge_base, label, sort_key, latest, source, location, file_name, size, sha256, converter,"
    " converter_version, fetched_at, mirrored_from, bundle_id,"
    " digest, facts, ignore_embedded, ignore_embedded_sro, ignore_embedded_smo, installed_at, job_id"
)


Stamp = tuple[int, int]
"""A release's key and time of installation: the key of a removed one is used again, but not at the same moment."""

Mark = tuple[int, str, int]
"""A release's key, digest and time of installation."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Which embedded relationships to leave out of a release: all, those of SROs, those of meta objects."""

    ignore_embedded: bool = False
    ignore_embedded_sro: bool = False
    ignore_embedded_smo: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """One installed release.

    `digest` (hexadecimal) is that of its whole content, `facts` is what was counted at import. `file_name` and `size` (bytes)
    are those of the uncompressed file. `sort_key` orders releases by version. `installed_at` is in microseconds.
    """

    key: int
    knowledge_base: str
    label: str
    sort_key: str
    latest: bool
    origin: Origin
    file_name: str
    size: int
    bundle_id: str
    digest: str
    facts: Mapping[str, Any]
    options: ImportOptions
    installed_at: int
    job_id: str | None

    @property
    def stamp(self) -> Stamp:
        """What identifies it among all that were ever installed."""
        return self.key, self.installed_at

    @property
    def types(self) -> tuple[str, ...]:
        """The types of its objects, relationships among them."""
        return tuple(self.facts["counts_by_type"])


def installed(connection: Connection, knowledge_base: str | None = None) -> list[Release]:
    """Return the installed releases of one knowledge base, or of all, highest first."""
    condition = "" if knowledge_base is None else "WHERE knowledge_base = :knowledge_base"
    parameters = {} if knowledge_base is None else {"knowledge_base": knowledge_base}
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM release {condition} ORDER BY knowledge_base, sort_key DESC",
        **parameters,
    )
    return [_release(row) for row in rows]


def find(connection: Connection, knowledge_base: str, label: str | None) -> Release | None:
    """Return a release by any spelling of its label, the latest for None and `latest`, or None if it is not installed."""
    if label is None or label.strip().lower() == release_labels.LATEST:
        condition, parameters = "latest = 1", {}
    else:
        condition, parameters = "sort_key = :sort_key", {"sort_key": release_labels.sort_key(label).replace("\x00", "")}
    row = connection.row(
        f"SELECT {_COLUMNS} FROM release WHERE knowledge_base = :knowledge_base AND {condition}",
        knowledge_base=knowledge_base,
        **parameters,
    )
    return None if row is None else _release(row)


def by_key(connection: Connection, release_key: int) -> Release:
    """Return the release with this key."""
    row = connection.row(
        f"SELECT {_COLUMNS} FROM release WHERE release_key = :release_key",
        release_key=release_key,
    )
    return _release(row)


def latest(connection: Connection, knowledge_bases: Sequence[str] | None = None) -> list[Release]:
    """Return the latest release of each knowledge base, or of each of these."""
    rows = connection.rows(f"SELECT {_COLUMNS} FROM release WHERE latest = 1 ORDER BY knowledge_base")
    found = [_release(row) for row in rows]
    return [release for release in found if knowledge_bases is None or release.knowledge_base in knowledge_bases]


def marks(connection: Connection, knowledge_base: str) -> list[Mark]:
    """Return a mark of every release of a knowledge base: they differ once any of them was installed or removed."""
    # Keys alone would not do: a removed release's key is used again.
    rows = connection.rows(
        """
        SELECT release_key, digest, installed_at
          FROM release
         WHERE knowledge_base = :knowledge_base
         ORDER BY release_key
        """,
        knowledge_base=knowledge_base,
    )
    return [(row.release_key, row.digest, row.installed_at) for row in rows]


def state_of(connection: Connection, release_key: int) -> list[tuple[object, ...]]:
    """Return what differs once the objects of a release, or the links from or to it, are others.

    Their keys alone do not tell: those of what was removed are used again.
    """
    rows = connection.rows(
        """
        SELECT release_key AS key, digest AS mark, installed_at AS moment FROM release WHERE release_key = :key
         UNION ALL
        SELECT set_key, mode, made_at FROM link_set WHERE owner_release = :key OR other_release = :key
         ORDER BY key, mark
        """,
        key=release_key,
    )
    return [tuple(row) for row in rows]


def mapping(connection: Connection, release_key: int) -> bytes | None:
    """Return the mapping that came with a release (relations that no object expresses) as JSON, or None."""
    stored = connection.value("SELECT mapping FROM release WHERE release_key = :key", key=release_key)
    return None if stored is None else plain(bytes(stored))


def details_digest(connection: Connection, release_key: int) -> bytes | None:
    """Return the digest of all details of a release, or None if it was installed by a version that stored none."""
    stored = connection.value("SELECT details_digest FROM release WHERE release_key = :key", key=release_key)
    return None if stored is None else bytes(stored)


def add(connection: Connection, release: Release, mapping_content: bytes | None, details_digest: bytes) -> None:
    """Store a release. Its members and details are added apart."""
    options, origin = release.options, release.origin
    mapping = None if mapping_content is None else shrunk(mapping_content)
    connection.insert(
        "release",
        (
            "release_key", "knowledge_base", "label", "sort_key", "source", "location", "file_name", "size", "sha256",
            "converter", "converter_version", "fetched_at", "mirrored_from", "bundle_id", "digest", "facts", "ignore_embedded",
            "ignore_embedded_sro", "ignore_embedded_smo", "mapping", "details_digest", "installed_at", "job_id",
        ),
        [
            (
                release.key, release.knowledge_base, release.label, release.sort_key, origin.source, origin.location,
                release.file_name, release.size, origin.sha256, origin.converter, origin.converter_version,
                origin.fetched_at,
                None if origin.mirrored_from is None else origin.mirrored_from.to_json().decode(),
                release.bundle_id, release.digest,
                msgspec.json.encode(release.facts).decode(), int(options.ignore_embedded),
                int(options.ignore_embedded_sro), int(options.ignore_embedded_smo), mapping, details_digest,
                release.installed_at, release.job_id,
            )
        ],
    )  # fmt: skip
    mark_latest(connection, release.knowledge_base)


def mark_latest(connection: Connection, knowledge_base: str) -> None:
    """Recompute which release of a knowledge base is the latest: the highest by version order."""
    connection.run(
        """
        UPDATE release
           SET latest = CASE WHEN sort_key = (SELECT max(other.sort_key)
                                                FROM release other
                                               WHERE other.knowledge_base = :knowledge_base)
                             THEN 1 ELSE 0 END
         WHERE knowledge_base = :knowledge_base
        """,
        knowledge_base=knowledge_base,
    )


def raise_revision(connection: Connection) -> None:
    """Raise the revision: answers may differ from now on."""
    connection.run("UPDATE catalogue SET revision = revision + 1")


def moments_of(connection: Connection, release_keys: Sequence[int]) -> dict[int, int]:
    """Return release key → when it was installed. The key of a removed release is used again, but not at the same moment."""
    rows = connection.rows(
        f"SELECT release_key, installed_at FROM release WHERE release_key IN {numbers(release_keys)}"
    )
    return {row.release_key: row.installed_at for row in rows}


def revision(connection: Connection) -> int:
    """Return the catalogue's revision. Answers stay valid until it changes."""
    return int(connection.value("SELECT revision FROM catalogue"))


def _release(row: Any) -> Release:
    return Release(
        key=row.release_key,
        knowledge_base=row.knowledge_base,
        label=row.label,
        sort_key=row.sort_key,
        latest=bool(row.latest),
        origin=Origin(
            source=row.source,
            location=row.location,
            sha256=row.sha256,
            fetched_at=row.fetched_at,
            converter=row.converter,
            converter_version=row.converter_version,
            mirrored_from=None
            if row.mirrored_from is None
            else read_origin(row.mirrored_from, "release.mirrored_from"),
        ),
        file_name=row.file_name,
        size=row.size,
        bundle_id=row.bundle_id,
        digest=row.digest,
        facts=msgspec.json.decode(row.facts),
        options=ImportOptions(bool(row.ignore_embedded), bool(row.ignore_embedded_sro), bool(row.ignore_embedded_smo)),
        installed_at=row.installed_at,
        job_id=row.job_id,
    )
