"""Details: what publishers say about objects beyond STIX. They are stored next to the objects of a release, never in them.

They are JSON, compressed with a dictionary of their own. Details that several releases share are stored once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.engine.identifiers import ensure_identifiers
from ctibutler.catalog.engine.keys import next_key
from ctibutler.catalog.engine.packing import Packed, pack
from ctibutler.catalog.engine.words import ensure_words
from ctibutler.stix.objects import digest_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """The details of a release, ready to be stored: STIX id → digest, and those that the catalogue lacks."""

    digests: Mapping[str, bytes]
    new: Sequence[bytes]
    packed: Packed


def word_of(base: str) -> str:
    """Return the word under which the details of a knowledge base are stored: they have dictionaries of their own."""
    return f"{base} details"


def prepare(connection: Connection, base: str, contents: Mapping[str, bytes]) -> Prepared:
    """Compress the details of a release of this knowledge base. `contents` is STIX id → JSON. Nothing is written."""
    digests = {stix_id: digest_of(content) for stix_id, content in contents.items()}
    known = _known(connection, base)
    new = {digests[stix_id]: content for stix_id, content in contents.items() if digests[stix_id] not in known}
    return Prepared(digests, list(new), pack(connection, word_of(base), list(new.values())))


def add(connection: Connection, base: str, release_key: int, prepared: Prepared) -> None:
    """Store the details of a release. Needs a transaction that writes."""
    if not prepared.digests:
        return
    known = _known(connection, base)
    if prepared.new:
        word = word_of(base)
        base_key = ensure_words(connection, [word])[word]
        dictionary_key = prepared.packed.stored(connection, word)
        first = next_key(connection, "detail", "detail_key")
        keys = {digest: first + place for place, digest in enumerate(prepared.new)}
        connection.insert(
            "detail",
            ("detail_key", "base_key", "digest", "dictionary_key", "content"),
            [
                (keys[digest], base_key, digest, dictionary_key, content)
                for digest, content in zip(prepared.new, prepared.packed.contents, strict=True)
            ],
        )
        known |= keys
    identifiers = ensure_identifiers(connection, prepared.digests)
    connection.insert(
        "release_detail",
        ("release_key", "identifier_key", "detail_key"),
        sorted((release_key, identifiers[stix_id], known[digest]) for stix_id, digest in prepared.digests.items()),
    )


def digest_of_all(digests: Mapping[str, bytes]) -> bytes:
    """Return the digest of all details of a release: STIX id → digest."""
    return digest_of(b"".join(stix_id.encode() + digest for stix_id, digest in sorted(digests.items())))


def digests_of(connection: Connection, release_key: int) -> dict[str, bytes]:
    """Return STIX id → digest of its details in a release."""
    rows = connection.rows(
        """
        SELECT identifier.stix_id, detail.digest
          FROM release_detail
          JOIN identifier ON identifier.identifier_key = release_detail.identifier_key
          JOIN detail     ON detail.detail_key = release_detail.detail_key
         WHERE release_detail.release_key = :release_key
        """,
        release_key=release_key,
    )
    return {row.stix_id: bytes(row.digest) for row in rows}


def of_object(connection: Connection, release_key: int, stix_id: str) -> bytes | None:
    """Return the details of an object in a release as JSON, or None if the release was installed without details."""
    row = connection.row(
        """
        SELECT detail.dictionary_key, detail.content
          FROM release_detail
          JOIN identifier ON identifier.identifier_key = release_detail.identifier_key
          JOIN detail     ON detail.detail_key = release_detail.detail_key
         WHERE release_detail.release_key = :release_key
           AND identifier.stix_id = :stix_id
        """,
        release_key=release_key,
        stix_id=stix_id,
    )
    return None if row is None else connection.content(row.dictionary_key, row.content)


def remove_unused(connection: Connection, base: str) -> None:
    """Delete details of a knowledge base that no release uses any more."""
    connection.run(
        """
        DELETE FROM detail
         WHERE base_key = :base
           AND NOT EXISTS (SELECT 1 FROM release_detail WHERE release_detail.detail_key = detail.detail_key)
        """,
        base=connection.key(word_of(base)),
    )


def _known(connection: Connection, base: str) -> dict[bytes, int]:
    rows = connection.rows(
        "SELECT digest, detail_key FROM detail WHERE base_key = :base", base=connection.key(word_of(base))
    )
    return {bytes(row.digest): row.detail_key for row in rows}
