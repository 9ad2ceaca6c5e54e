"""A release in a file on this machine: a STIX bundle, or a publisher's own file."""

from __future__ import annotations

import re
from pathlib import Path

from ctibutler.errors import InvalidRequest, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.sources.source import Offer, converted_file, published_bundle
from ctibutler.publishers.web.unpacking import SUFFIXES, unpack
from ctibutler.settings import Settings

NAME = "file"

_BUNDLE = re.compile(rb'"type"\s*:\s*"bundle"')


def read_local_file(
    kb: KnowledgeBase, path: Path, label: str, settings: Settings, *, convert: bool = False
) -> ReleaseFile:
    """Read a file as a release of this knowledge base: a STIX 2.1 bundle, plain, `.gz` or `.zst`.

    A mapping to other knowledge bases, or details of the objects, are read too if they are beside the file under their
    usual names. If the knowledge base has a converter, a file that is not a bundle is converted; `convert` forces that.

    Raises SourceUnavailable if the file cannot be read, MalformedFile if it is damaged, too large or cannot be converted,
    InvalidRequest if it should be converted and there is no converter.
    """
    offer = Offer(kb.slug, release_labels.shown(label), NAME, path.name)
    content = _content(path, settings)
    name = path.name.removesuffix(".zst").removesuffix(".gz")
    if convert and kb.converter is None:
        raise InvalidRequest(f"{kb.slug}: there is no converter, because its publisher offers STIX 2.1")
    if kb.converter is not None and (convert or not _is_bundle(content)):
        return converted_file(offer, content, name, CONVERTERS[kb.converter])
    return published_bundle(
        offer,
        content,
        name,
        mapping=_beside(path, kb.mapping_file_name(label), settings),
        details=_beside(path, kb.details_file_name(label), settings),
    )


def _is_bundle(content: bytes) -> bool:
    """Whether a file claims to be a STIX bundle. It may still be cut off."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and _BUNDLE.search(content) is not None


def _beside(path: Path, name: str | None, settings: Settings) -> bytes | None:
    companions = [path.with_name(name + suffix) for suffix in SUFFIXES] if name else []
    return next((_content(companion, settings) for companion in companions if companion.is_file()), None)


def _content(path: Path, settings: Settings) -> bytes:
    try:
        size = path.stat().st_size
        if size > settings.download_max_bytes:
            raise SourceUnavailable(f"{path}: {size:,} bytes exceed the limit of {settings.download_max_bytes:,}")
        packed = path.read_bytes()
    except OSError as failure:
        raise SourceUnavailable(f"{path}: cannot be read: {failure.strerror}") from None
    return unpack(packed, path.name, settings.bundle_max_bytes)
