"""Releases inside installed Python packages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.knowledge_bases.declaration import KnowledgeBase, Snapshot
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.converters import CONVERTERS
from ctibutler.publishers.sources.source import Offer, OfferProblem, OfferReport, converted_file
from ctibutler.publishers.web.progress import Progress, no_progress

EXTRA: Final = "ctibutler[snapshots]"


class Snapshots:
    """Releases in data files of installed packages. The packages are never imported, so their code does not run."""

    name = "snapshot"

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def offers(self, kbs: Iterable[KnowledgeBase]) -> OfferReport:
        """The releases in the installed packages. A package that is not installed is reported as a problem."""
        offers, problems = [], []
        for kb in kbs:
            for snapshot in kb.snapshots:
                try:
                    path, version = _find(snapshot)
                except SourceUnavailable as problem:
                    problems.append(OfferProblem(self.name, (kb.slug,), str(problem), lasting=True))
                    continue
                label = release_labels.shown(snapshot.label)
                offers.append(Offer(kb.slug, label, self.name, _location(snapshot, version), path.stat().st_size))
        return OfferReport(tuple(offers), tuple(problems))

    def unlisted(self, kb: KnowledgeBase, label: str) -> Offer | None:
        """None: all releases in packages are listed."""

    def fetch(self, kb: KnowledgeBase, offer: Offer, progress: Progress = no_progress) -> ReleaseFile:
        """Convert the file of a release.

        Raises SourceUnavailable if the package is not installed or the file was changed after installation,
        MalformedFile if the file cannot be converted.
        """
        snapshot = _declared(kb, offer.label)
        path, version = _find(snapshot)
        content = self._content(snapshot, path)
        progress(len(content), len(content))
        where = _location(snapshot, version)
        return converted_file(offer, content, path.name, CONVERTERS[snapshot.converter], location=where)

    def _content(self, snapshot: Snapshot, path: Path) -> bytes:
        try:
            if path.stat().st_size > self._max_bytes:
                limit = f"the limit of {self._max_bytes} bytes (CTIBUTLER_BUNDLE_MAX_BYTES)"
                raise SourceUnavailable(f"{snapshot.distribution}: {snapshot.file} is larger than {limit}")
            content = path.read_bytes()
        except OSError as error:
            raise SourceUnavailable(f"{path} cannot be read: {error.strerror}") from None
        _check(snapshot, content)
        return content


def _declared(kb: KnowledgeBase, label: str) -> Snapshot:
    for snapshot in kb.snapshots:
        if release_labels.sort_key(snapshot.label) == release_labels.sort_key(label):
            return snapshot
    raise SourceUnavailable(f"{kb.slug} {label}: no package contains this release")


def _find(snapshot: Snapshot) -> tuple[Path, str]:
    """The path of a snapshot's file and the version of its package.

    Raises SourceUnavailable, which says what to install, if one of them is missing.
    """
    remedy = f"install {EXTRA}"
    try:
        distribution = metadata.distribution(snapshot.distribution)
    except metadata.PackageNotFoundError:
        raise SourceUnavailable(f"the package {snapshot.distribution} is not installed: {remedy}") from None
    path = Path(str(distribution.locate_file(snapshot.file)))
    if not path.is_file():
        what = f"{snapshot.distribution} {distribution.version} has no file {snapshot.file}"
        raise SourceUnavailable(f"{what}: {remedy}")
    return path, distribution.version


def _check(snapshot: Snapshot, content: bytes) -> None:
    """Compare a file with the checksum in the package's metadata, if there is one."""
    for file in metadata.files(snapshot.distribution) or ():
        if file.as_posix() != snapshot.file or file.hash is None or file.hash.mode != "sha256":
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if digest != file.hash.value.rstrip("="):
            what = f"{snapshot.file} does not match the checksum in the package {snapshot.distribution}"
            raise SourceUnavailable(f"{what}: reinstall the package")


def _location(snapshot: Snapshot, version: str) -> str:
    return f"{snapshot.distribution}=={version}:{snapshot.file}"
