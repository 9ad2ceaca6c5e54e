"""D3FEND at d3fend.mitre.org: the ontology of each release, and a file that states the newest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ctibutler.errors import SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web, listed, read_json

SITE = "https://d3fend.mitre.org"
NEWEST = f"{SITE}/api/version.json"
REPOSITORY = "d3fend/d3fend-ontology"

# The converter reads the form that the ontology has since release 1.0.
_FIRST_READABLE = "1.0.0"


class _Newest(msgspec.Struct):
    version: str | None = None
    ontology_version: str | None = None


@dataclass(frozen=True)
class D3fendSite(PlainFiles):
    """The site states only the newest release; the earlier ones are tags of the ontology's repository."""

    hosts: tuple[str, ...] = ("d3fend.mitre.org", github.API)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Iterator[Published]:
        """The newest release, then the earlier ones.

        Raises SourceUnavailable if one of the two cannot be read, or GitHub has more tags than are read.
        """
        expected = "a JSON object with the `version` of the newest release"
        version = read_json(listed(web, NEWEST, expected), _Newest, NEWEST, expected)
        newest = version.ontology_version or version.version
        if newest is None or not release_labels.is_label(newest):
            raise SourceUnavailable(f"{NEWEST} is not {expected}")
        newest = release_labels.shown(newest)
        yield Published(newest, _address(newest))
        first, last = release_labels.sort_key(_FIRST_READABLE), release_labels.sort_key(newest)
        tags = github.tags(web, REPOSITORY)
        for tag in map(release_labels.shown, tags.items):
            if release_labels.is_label(tag) and first <= release_labels.sort_key(tag) < last:
                yield Published(tag, _address(tag))
        tags.check_complete()

    def release(self, label: str) -> Published | None:
        """The usual URL of a release that is not listed."""
        return Published(release_labels.shown(label), _address(release_labels.shown(label)))


def _address(label: str) -> str:
    return f"{SITE}/ontologies/d3fend/{label}/d3fend.json"
