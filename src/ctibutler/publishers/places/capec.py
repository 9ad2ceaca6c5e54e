"""CAPEC in the repository `mitre/cti`: one bundle with the newest release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ctibutler.errors import MalformedFile
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.places import github
from ctibutler.publishers.places.place import PlainFiles, Published, Web, newest_only, read_labels

REPOSITORY = "mitre/cti"
PATH = "capec/2.1/stix-capec.json"
BRANCH = "master"


class _Object(msgspec.Struct):
    x_capec_version: str | None = None


class _Bundle(msgspec.Struct):
    objects: list[_Object]


@dataclass(frozen=True)
class CapecRepository(PlainFiles):
    """The bundle states its release on its objects. Objects that a release did not change keep an older one."""

    hosts: tuple[str, ...] = (github.FILES,)
    repository: str | None = REPOSITORY

    def releases(self, web: Web) -> Sequence[Published]:
        """The newest release.

        Raises SourceUnavailable.
        """
        url = github.file_url(REPOSITORY, PATH, BRANCH)
        return newest_only(web, url, "CAPEC as a STIX 2.1 bundle", self.label_in)

    def label_in(self, name: str, content: bytes) -> str:
        """The highest `x_capec_version`.

        Raises MalformedFile if there is none.
        """
        expected = "a STIX 2.1 bundle whose objects have `x_capec_version`"
        bundle = read_labels(content, _Bundle, name, expected)
        found = {item.x_capec_version for item in bundle.objects if item.x_capec_version}
        labels = [label for label in found if release_labels.is_label(label)]
        if not labels:
            raise MalformedFile(f"{name}: expected {expected}, found none")
        return release_labels.shown(max(labels, key=release_labels.sort_key))
