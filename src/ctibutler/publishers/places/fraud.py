"""MITRE F3 in the repository `center-for-threat-informed-defense/fight-fraud-framework`: the newest bundle and copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web, collection_versions, newest_only

REPOSITORY = "center-for-threat-informed-defense/fight-fraud-framework"
PATH = "public/f3-stix.json"
COPY = "public/f3-stix-v{}.json"
BRANCH = "main"

# The bundle of release 1.0 states this version; since 1.1, bundles state their release.
_BEFORE_NUMBERS = "0.1"


@dataclass(frozen=True)
class FraudRepository(PlainFiles):
    """The collection object in the bundle states its release. The publisher keeps a copy of each release since 1.1."""

    hosts: tuple[str, ...] = (github.FILES,)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Sequence[Published]:
        """The newest release.

        Raises SourceUnavailable.
        """
        url = github.file_url(REPOSITORY, PATH, BRANCH)
        return newest_only(web, url, "MITRE F3 as a STIX 2.1 bundle", self.label_in)

    def release(self, label: str) -> Published | None:
        """The URL of the copy of a release."""
        return Published(
            release_labels.shown(label), github.file_url(REPOSITORY, COPY.format(release_labels.shown(label)), BRANCH)
        )

    def label_in(self, name: str, content: bytes) -> str:
        """The version of the collection.

        Raises MalformedFile if there is none.
        """
        expected = "a STIX 2.1 bundle with one x-mitre-collection and its `x_mitre_version`"
        found = collection_versions(content, name, expected)
        if len(found) != 1 or found[0] is None or not release_labels.is_label(found[0]):
            raise MalformedFile(f"{name}: expected {expected}, found {len(found)}")
        return "1.0" if found[0] == _BEFORE_NUMBERS else release_labels.shown(found[0])
