"""ATLAS in the repository `mitre-atlas/atlas-data`: a manifest, and a YAML file and a STIX bundle for each release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.converters.atlas_format import FORMAT
from ctibutler.publishers.converters.yaml_files import YamlList, YamlMap, YamlValue, kind, read_yaml
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web, collection_versions, day_in, listed

REPOSITORY: Final = "mitre-atlas/atlas-data"
BRANCH: Final = "main"
FOLDER: Final = "dist"
MANIFEST: Final = github.file_url(REPOSITORY, f"{FOLDER}/manifest.yaml", BRANCH)
BUNDLE: Final = "stix-atlas.json"

FIRST: Final = "2026.05"
"""The first release with such a label. Earlier content was released as 5.6.0 and before."""

KNOWN_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {"2026.08": "6550ac8a7322e2d43d7c6c10234f0f381e74734ac6c734255fb1fc467bf16d7c"}
)
"""SHA-256 of bundles, from independent sources."""

_LABEL = re.compile(r"[0-9]{4}\.[0-9]{2}(\.[0-9]+)?")
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\.yaml")


@dataclass(frozen=True)
class AtlasData(PlainFiles):
    """The manifest lists every release with the path of its YAML. The STIX bundle is attached to the release on GitHub."""

    hosts: tuple[str, ...] = (github.FILES, github.SITE, *github.RELEASE_FILES)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Iterator[Published]:
        """The releases in the manifest, from 2026.05 on.

        Raises SourceUnavailable if the manifest cannot be read, or, after the releases, if parts of it are unknown.
        """
        expected = "a list of ATLAS releases in YAML"
        try:
            manifest = read_yaml(listed(web, MANIFEST, expected), MANIFEST)
        except MalformedFile as failure:
            raise SourceUnavailable(str(failure)) from None
        if not isinstance(manifest, YamlList):
            raise SourceUnavailable(f"{MANIFEST}: expected {expected}, found {kind(manifest)}")
        gaps: list[str] = []
        found = 0
        for entry, line in zip(manifest, manifest.lines, strict=True):
            published = _published(entry, line, gaps)
            if published is not None:
                found += 1
                yield published
        if not found:
            gaps.append(f"lists no release from {FIRST} on")
        if gaps:
            raise SourceUnavailable(f"{MANIFEST}: {'; '.join(gaps)}")

    def release(self, label: str) -> Published | None:
        """The usual addresses of a release that the manifest does not list."""
        shown = release_labels.shown(label)
        return _release(shown, f"v6/ATLAS-{shown}.yaml") if _is_ours(shown) else None

    def label_in(self, name: str, content: bytes) -> str | None:
        """The version of the collection, if there is one and it looks like a release.

        Raises MalformedFile if the file is not a STIX bundle.
        """
        found = collection_versions(content, name, "a STIX 2.1 bundle")
        return next((version for version in found if version and _LABEL.fullmatch(version)), None)


def _published(entry: YamlValue, line: int, gaps: list[str]) -> Published | None:
    """A release in the manifest; None for an older one. Adds what is unknown to `gaps`."""
    release = entry.get("release") if isinstance(entry, YamlMap) else None
    if not isinstance(entry, YamlMap) or not isinstance(release, str):
        gaps.append(f"line {line}: expected a release, found {kind(release if isinstance(entry, YamlMap) else entry)}")
        return None
    label = release_labels.shown(release)
    if not _LABEL.fullmatch(label):
        gaps.append(f"line {line}: {kind(release)} is not a release label such as 2026.09")
        return None
    if not _is_ours(label):
        return None
    path, formats = _file_of_our_format(entry)
    if path is None:
        gaps.append(
            f"line {line}: release {label} has no file in format {FORMAT} (there are: {', '.join(formats) or 'none'}):"
            " it has no details, and cannot be installed without a STIX bundle"
        )
    return _release(label, path, day_in(entry.get("release-date")))


def _file_of_our_format(entry: YamlMap) -> tuple[str | None, list[str]]:
    """The path of the file that the converter can read, and the formats that there are."""
    named = entry.get("versions")
    files = [item for item in named if isinstance(item, YamlMap)] if isinstance(named, YamlList) else []
    formats = [(str(item.get("format-version")), item.get("path")) for item in files]
    readable = (
        path
        for number, path in formats
        if number.partition(".")[0] == FORMAT and isinstance(path, str) and _PATH.fullmatch(path)
    )
    return next(readable, None), [number for number, _ in formats]


def _release(label: str, path: str | None, day: date | None = None) -> Published:
    own_file = None if path is None else github.file_url(REPOSITORY, f"{FOLDER}/{path}", BRANCH)
    return Published(
        label,
        github.release_file_url(REPOSITORY, f"v{label}", BUNDLE),
        day,
        is_bundle=True,
        own_file=own_file,
        sha256=KNOWN_DIGESTS.get(label),
    )


def _is_ours(label: str) -> bool:
    return _LABEL.fullmatch(label) is not None and release_labels.sort_key(label) >= release_labels.sort_key(FIRST)
