"""ATT&CK in the repository `mitre-attack/attack-stix-data`: an index of collections, and a file for each release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web, day_in, listed, read_json

REPOSITORY = "mitre-attack/attack-stix-data"
INDEX = "index.json"
BRANCH = "master"


class _Version(msgspec.Struct):
    version: str
    url: str
    modified: str | None = None


class _Collection(msgspec.Struct):
    versions: list[_Version]


class _Index(msgspec.Struct):
    collections: list[_Collection]


@dataclass(frozen=True)
class AttackStixData(PlainFiles):
    """One domain, such as `enterprise-attack`."""

    domain: str
    hosts: tuple[str, ...] = (github.FILES,)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Sequence[Published]:
        """The versions in the index whose file belongs to this domain.

        Raises SourceUnavailable.
        """
        url = github.file_url(REPOSITORY, INDEX, BRANCH)
        expected = "an index of ATT&CK collections with their versions"
        index = read_json(listed(web, url, expected), _Index, url, expected)
        found = [
            Published(release_labels.shown(version.version), self._address(version), day_in(version.modified))
            for collection in index.collections
            for version in collection.versions
            if self._is_ours(version) and release_labels.is_label(version.version)
        ]
        if not found:
            raise SourceUnavailable(f"{url}: no version has a file of the form {self.domain}/{self.domain}-….json")
        return found

    def release(self, label: str) -> Published | None:
        """The usual URL of a release that is missing from the index."""
        return Published(release_labels.shown(label), self._usual(release_labels.shown(label)))

    def _is_ours(self, version: _Version) -> bool:
        return _plain(version.url).endswith(f"/{self.domain}/{self.domain}-{version.version}.json")

    def _address(self, version: _Version) -> str:
        """The URL in the index if it is at the publisher's host, else the usual one."""
        url = _plain(version.url)
        named = url.startswith(tuple(f"https://{host}/" for host in self.hosts))
        return url if named else self._usual(version.version)

    def _usual(self, version: str) -> str:
        return github.file_url(REPOSITORY, f"{self.domain}/{self.domain}-{version}.json", BRANCH)


def _plain(url: str) -> str:
    """The URL without its query. Not parsed, because the index may contain invalid URLs."""
    return url.partition("?")[0]
