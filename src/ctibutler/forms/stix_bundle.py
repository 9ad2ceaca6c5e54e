"""Answers as STIX bundles."""

from __future__ import annotations

from collections.abc import Iterator

from ctibutler.answers.bundles import ObjectBundle
from ctibutler.answers.exports import ReleaseObjects
from ctibutler.answers.tables.closures import TableBundle
from ctibutler.stix.bundles import bundle_chunks


def object_as_bundle(found: ObjectBundle) -> bytes:
    """Return a bundle whose id has the UUID of the object that it is about."""
    bundle_id = "bundle--" + found.stix_id.partition("--")[2]
    return b"".join(bundle_chunks(bundle_id, (item.content for item in found.objects)))


def release_as_bundle(found: ReleaseObjects) -> Iterator[bytes]:
    """Return the bundle of a release in chunks, with the id that it was published under and the objects in their order."""
    return bundle_chunks(found.bundle_id, (b",".join(portion) for portion in found.portions))


def table_as_bundle(bundle: TableBundle) -> Iterator[bytes]:
    """Return the bundle of a table in chunks."""
    return bundle_chunks(bundle.id, bundle.objects)


def file_name(found: ReleaseObjects) -> str:
    """Return the name for a file with the release: `cwe-4.14.json`."""
    return f"{found.name}.json"
