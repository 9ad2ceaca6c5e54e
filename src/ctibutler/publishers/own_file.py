"""A bundle of one's own, given as a file on this machine."""

from __future__ import annotations

from pathlib import Path

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases import versions
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.publishers.source import Offer, ReleaseFile
from ctibutler.publishers.unpacking import SUFFIXES, unpack
from ctibutler.settings import Settings

NAME = "file"


def read_own_file(kb: KnowledgeBase, path: Path, label: str, settings: Settings) -> ReleaseFile:
    """The file as a release of this knowledge base: a STIX 2.1 bundle, plain, `.gz` or `.zst`. A list of leftover relations,
    or details of the objects, are taken along when they lie beside the file under their usual names.

    Raises SourceUnavailable when it cannot be read, MalformedFile when it is packed wrongly or too large.
    """
    offer = Offer(kb.slug, versions.shown(label), NAME, path.name)
    return ReleaseFile.read(
        offer,
        content=_content(path, settings),
        file_name=path.name.removesuffix(".zst").removesuffix(".gz"),
        mapping=_beside(path, kb.mapping_file_name(label), settings),
        details=_beside(path, kb.details_file_name(label), settings),
    )


def _beside(path: Path, name: str | None, settings: Settings) -> bytes | None:
    companions = [path.with_name(name + suffix) for suffix in SUFFIXES] if name else []
    return next((_content(companion, settings) for companion in companions if companion.is_file()), None)


def _content(path: Path, settings: Settings) -> bytes:
    try:
        size = path.stat().st_size
        if size > settings.download_max_bytes:
            raise SourceUnavailable(
                f"{path}: {size:,} bytes are more than the limit of {settings.download_max_bytes:,}"
            )
        packed = path.read_bytes()
    except OSError as failure:
        raise SourceUnavailable(f"{path}: cannot be read: {failure.strerror}") from None
    return unpack(packed, path.name, settings.bundle_max_bytes)
