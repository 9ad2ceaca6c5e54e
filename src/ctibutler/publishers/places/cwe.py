"""CWE at cwe.mitre.org: a zip file with the XML catalogue of each release, and one with the newest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.knowledge_bases import release_labels
from ctibutler.publishers.converters.cwe_xml import MAX_XML_BYTES
from ctibutler.publishers.places.place import Published, Web, listed
from ctibutler.publishers.web.archives import single_member

SITE = "https://cwe.mitre.org"
LATEST = f"{SITE}/data/xml/cwec_latest.xml.zip"
ARCHIVE = f"{SITE}/data/archive.html"

_VERSION = re.compile(rb"<Weakness_Catalog\b[^>]*?\sVersion\s*=\s*[\"']([^\"']{1,64})[\"']")
_HEAD_BYTES = 64 * 1024
_IN_ARCHIVE = re.compile(r"cwec_v([0-9]+(?:\.[0-9]+)*)\.xml\.zip")
# The converter does not read the older XML schema of the releases before 4.0.
_FIRST_READABLE = "4.0"


@dataclass(frozen=True)
class CweSite:
    """The newest catalogue states its release itself; the archive page lists the older ones."""

    hosts: tuple[str, ...] = ("cwe.mitre.org",)
    repository: str | None = None

    def releases(self, web: Web) -> Iterator[Published]:
        """The newest release, then those on the archive page.

        Raises SourceUnavailable if one of the two cannot be read.
        """
        try:
            newest = self.label_in(*self.content(LATEST, listed(web, LATEST, "the newest catalogue of CWE")))
        except MalformedFile as failure:
            raise SourceUnavailable(str(failure)) from None
        yield Published(newest, LATEST)
        for label in _archived(listed(web, ARCHIVE, "a page with links to the catalogues of earlier releases")):
            if release_labels.sort_key(label) != release_labels.sort_key(newest):
                yield Published(label, _address(label))

    def release(self, label: str) -> Published | None:
        """The usual URL of a release that is not listed."""
        return Published(release_labels.shown(label), _address(release_labels.shown(label)))

    def content(self, name: str, content: bytes) -> tuple[str, bytes]:
        """The XML file in the zip file.

        Raises MalformedFile.
        """
        return name.removesuffix(".zip"), single_member(content, ".xml", name, MAX_XML_BYTES)

    def label_in(self, name: str, content: bytes) -> str:
        """The version that the catalogue's root element states.

        Raises MalformedFile.
        """
        found = _VERSION.search(content[:_HEAD_BYTES])
        if found is None:
            raise MalformedFile(f"{name}: expected a Weakness_Catalog element with a Version")
        return release_labels.shown(found[1].decode("utf-8", "replace"))


def _archived(page: bytes) -> list[str]:
    """The releases on the archive page that the converter can read. Raises SourceUnavailable if the page lists none."""
    listed_labels = _IN_ARCHIVE.findall(page.decode("utf-8", "replace"))
    if not listed_labels:
        raise SourceUnavailable(f"{ARCHIVE} lists no catalogues: expected links to cwec_v….xml.zip")
    first = release_labels.sort_key(_FIRST_READABLE)
    return [label for label in dict.fromkeys(listed_labels) if release_labels.sort_key(label) >= first]


def _address(label: str) -> str:
    return f"{SITE}/data/xml/cwec_v{label}.xml.zip"
