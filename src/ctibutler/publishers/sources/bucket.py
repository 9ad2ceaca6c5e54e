"""Releases from a bucket, which has a folder for each knowledge base with `version.txt` and the bundles in it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.release_files import Origin, ReleaseFile, read_origin
from ctibutler.publishers.sources.source import Offer, OfferProblem, OfferReport, published_bundle
from ctibutler.publishers.web.failures import SourceDown
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.publishers.web.unpacking import SUFFIXES, unpack

VERSIONS_FILE = "version.txt"
_MAX_VERSIONS_BYTES = 1024 * 1024
_MAX_ORIGIN_BYTES = 64 * 1024
_log = logging.getLogger(__name__)


class Files(Protocol):
    """The files of an open bucket. Each is identified by its folder in the bucket and its name."""

    def address(self, *parts: str) -> str:
        """The address of a file for messages, without secrets."""
        ...

    def names(self, folder: str) -> list[str] | None:
        """The names of the files in a folder; None if they cannot be listed or there is no such folder."""
        ...

    def short_text(self, folder: str, name: str, max_bytes: int) -> bytes | None:
        """The content of a small file, fetched quickly or not at all; None if there is no such file."""
        ...

    def read(self, folder: str, name: str, progress: Progress) -> bytes | None:
        """The content of a file, packed as it is stored or already unpacked; None if there is no such file."""
        ...

    def size(self, folder: str, name: str) -> int | None:
        """The unpacked size of a file in bytes, if that is known without reading it."""
        ...


class BucketLocation(Protocol):
    """Where a bucket is: in a folder, or at a URL."""

    def opened(self) -> AbstractContextManager[Files]:
        """Open the bucket, over one connection if it is remote."""
        ...


@dataclass(frozen=True)
class VersionList:
    """The content of a `version.txt`: unique labels of releases, dotted and in its order, and the lines that are not labels."""

    labels: tuple[str, ...]
    odd_lines: tuple[str, ...]


class Bucket:
    """The releases of one bucket."""

    name = "bucket"

    def __init__(self, location: BucketLocation, bundle_max_bytes: int) -> None:
        self._location = location
        self._bundle_max_bytes = bundle_max_bytes

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """The bucket's releases of these knowledge bases. Stops when the bucket does not answer."""
        offers: list[Offer] = []
        problems: list[OfferProblem] = []
        with self._location.opened() as files:
            for kb in kbs:
                try:
                    labels, sentences = _labels(kb, files)
                except SourceDown as problem:
                    problems.append(OfferProblem(self.name, None, str(problem)))
                    break
                except SourceUnavailable as problem:
                    problems.append(OfferProblem(self.name, (kb.slug,), str(problem)))
                    continue
                offers += self._offers(kb, labels, files)
                problems += [OfferProblem(self.name, (kb.slug,), sentence, lasting=True) for sentence in sentences]
        return OfferReport(tuple(offers), tuple(problems))

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        """None: a bucket lists all of its releases."""

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """The bundle of a release, with the files beside it.

        Raises SourceUnavailable, which names the files that were looked for, or MalformedFile if one cannot be unpacked.
        """
        name = kb.file_name(offer.label)
        with self._location.opened() as files:
            found = self._file(files, kb.bucket.folder, name, progress)
            if found is None:
                looked_for = ", ".join(name + suffix for suffix in SUFFIXES)
                where = files.address(kb.bucket.folder)
                raise SourceUnavailable(f"{kb.slug} {offer.label}: no such file in {where}; looked for {looked_for}")
            content, location = found
            mapping = self._beside(files, kb.bucket.folder, kb.mapping_file_name(offer.label))
            details = self._beside(files, kb.bucket.folder, kb.details_file_name(offer.label))
            # Only looked for with the bundle's compression: most buckets have none, and each attempt is a request.
            origin_name = kb.origin_file_name(offer.label) + location.rpartition(name)[2]
            origin = self._origin(files, kb.bucket.folder, origin_name)
        return published_bundle(
            offer, content, name, location=location, mirrored_from=origin, mapping=mapping, details=details
        )

    def _origin(self, files: Files, folder: str, name: str) -> Origin | None:
        """The origin that a mirror states for a release; None if there is none or it cannot be read."""
        try:
            content = files.read(folder, name, no_progress)
            if content is None:
                return None
            return read_origin(unpack(content, name, _MAX_ORIGIN_BYTES), name)
        except (SourceUnavailable, MalformedFile) as failure:
            _log.warning("The origin of the release in %s cannot be read: %s", name, failure)
            return None

    def _offers(self, kb: KnowledgeBase, labels: Iterable[str], files: Files) -> list[Offer]:
        names = frozenset(files.names(kb.bucket.folder) or ())
        offers = []
        for label in labels:
            plain = kb.file_name(label)
            name = next((plain + suffix for suffix in SUFFIXES if plain + suffix in names), plain)
            size = files.size(kb.bucket.folder, name) if name in names else None
            offers.append(Offer(kb.slug, label, self.name, files.address(kb.bucket.folder, name), size))
        return offers

    def _beside(self, files: Files, folder: str, name: str | None) -> bytes | None:
        """The uncompressed content of a file beside a bundle; None if there is none."""
        found = self._file(files, folder, name, no_progress) if name else None
        return found[0] if found else None

    def _file(self, files: Files, folder: str, name: str, progress: Progress) -> tuple[bytes, str] | None:
        """The uncompressed content and the address of a file, from the first of its forms that exists."""
        for suffix in SUFFIXES:
            content = files.read(folder, name + suffix, progress)
            if content is not None:
                where = files.address(folder, name + suffix)
                return unpack(content, where, self._bundle_max_bytes), where
        return None


def _labels(kb: KnowledgeBase, files: Files) -> tuple[tuple[str, ...], list[str]]:
    """The labels of a knowledge base in a bucket, and messages about what is wrong there."""
    folder = kb.bucket.folder
    where = files.address(folder, VERSIONS_FILE)
    content = files.short_text(folder, VERSIONS_FILE, _MAX_VERSIONS_BYTES)
    if content is None:
        names = files.names(folder)
        if names is None:
            return (), [f"there is no {where}"]
        labels = _labels_of_names(kb, names)
        return labels, [] if labels else [f"found neither {VERSIONS_FILE} nor a release in {files.address(folder)}"]
    if content.lstrip().startswith(b"<"):
        return (), [f"{where} is a web page, not a list of releases"]
    listed = read_versions(content)
    sentences = []
    if listed.odd_lines:
        first, number = ascii(listed.odd_lines[0][:40]), len(listed.odd_lines)
        are = "1 line is not a release label" if number == 1 else f"{number} lines are not release labels"
        sentences.append(f"{where}: {are}, starting with {first}")
    if not listed.labels:
        sentences.append(f"{where} lists no releases")
    return listed.labels, sentences


def read_versions(content: bytes) -> VersionList:
    """Parse a `version.txt`: one label per line, in any order and spelling. Blank lines and `# …` are ignored."""
    labels: dict[str, str] = {}
    odd = []
    for line in content.decode("utf-8-sig", errors="replace").splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if _is_release(text):
            label = release_labels.shown(text)
            labels.setdefault(release_labels.sort_key(label), label)
        else:
            odd.append(text)
    return VersionList(tuple(labels.values()), tuple(odd))


def _labels_of_names(kb: KnowledgeBase, names: Iterable[str]) -> tuple[str, ...]:
    """The labels in file names. A name that does not follow the knowledge base's pattern is ignored."""
    before, _, after = kb.bucket.file.partition("{}")
    labels: dict[str, str] = {}
    for name in names:
        plain = name.removesuffix(".zst").removesuffix(".gz")
        text = plain.removeprefix(before).removesuffix(after)
        if _is_release(text) and kb.file_name(text) == plain:
            labels.setdefault(release_labels.sort_key(text), release_labels.shown(text))
    return tuple(labels.values())


def _is_release(text: str) -> bool:
    # A release has a number. `latest` and `all` have other meanings.
    return release_labels.is_label(text) and any(character.isdigit() for character in text)
