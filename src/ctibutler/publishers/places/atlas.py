"""ATLAS in the repository `mitre-atlas/atlas-navigator-data`: one bundle, at the repository's tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web

REPOSITORY = "mitre-atlas/atlas-navigator-data"
PATH = "dist/stix-atlas.json"
CHANGELOG = "CHANGELOG.md"
BRANCH = "main"

_HEADING = re.compile(r"^##\s*\[?v?([0-9][0-9.]*)\]?", re.MULTILINE)
_DATA_RELEASE = re.compile(r"ATLAS Data v?([0-9]+(?:\.[0-9]+)+)")


@dataclass(frozen=True)
class AtlasRepository(PlainFiles):
    """Releases from the repository's tags.

    A tag is either the label of an ATLAS release or a version of the repository itself. For those, the changelog states
    which ATLAS release they contain; without such an entry they contain no new one. If several tags contain the same
    release, the highest is used.
    """

    hosts: tuple[str, ...] = (github.API, github.FILES)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Iterator[Published]:
        """The releases behind the repository's tags.

        Raises SourceUnavailable, after the releases found, when GitHub has more tags than are read.
        """
        tags = github.tags(web, REPOSITORY)
        changelog = web.page(github.file_url(REPOSITORY, CHANGELOG, BRANCH))
        own = _releases_of_own_versions(changelog.content if changelog else b"")
        found: dict[str, Published] = {}
        for tag in sorted(tags.items, key=release_labels.sort_key, reverse=True):
            number = release_labels.shown(tag)
            label = own.get(number, number)
            if label and label[0].isdigit() and release_labels.is_label(label):
                url = github.file_url(REPOSITORY, PATH, tag)
                found.setdefault(release_labels.sort_key(label), Published(label, url, is_bundle=True))
        yield from found.values()
        tags.check_complete()
        if not found:
            raise SourceUnavailable(f"github.com/{REPOSITORY}: none of the tags is a release")


def _releases_of_own_versions(changelog: bytes) -> Mapping[str, str | None]:
    """Version of the repository → ATLAS release, or None if its changelog entry names none."""
    _, *parts = _HEADING.split(changelog.decode("utf-8", "replace"))
    entries = zip(parts[::2], parts[1::2], strict=False)
    return {number: found[1] if (found := _DATA_RELEASE.search(text)) else None for number, text in entries}
