"""HTML as a strict reader of the standard sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib


@dataclass(frozen=True)
class Link:
    """A link: where it leads, and whether it says that this is another release."""

    href: str
    leaves_release: bool
    is_external: bool


@dataclass
class Document:
    """One page. Reading it fails where the HTML is not valid."""

    text: str

    @cached_property
    def root(self) -> Element:
        """The element `html`."""
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        root: Element = parser.parse(self.text)
        return root

    @property
    def ids(self) -> list[str]:
        """Every id, in their order."""
        return [element.attrib["id"] for element in self.root.iter() if "id" in element.attrib]

    @property
    def links(self) -> list[Link]:
        """Every link in the body."""
        return [
            Link(href, "data-release" in element.attrib, bool(urlsplit(href).netloc))
            for element in self.root.iter("a")
            if (href := element.attrib.get("href")) is not None
        ]

    @property
    def canonical(self) -> str:
        """The address that the page has of itself."""
        [found] = [it.attrib["href"] for it in self.root.iter("link") if it.attrib.get("rel") == "canonical"]
        return found

    @property
    def words(self) -> str:
        """The text of the main part, with single blanks, and without the numbers of footnotes."""
        root = Document(re.sub(r'<sup><a class="note"[^>]*>\d+</a></sup>', " ", self.text)).root
        [main] = root.iter("main")
        return " ".join("".join(main.itertext()).split())

    @property
    def counted(self) -> dict[str, int]:
        """The sections that the page names at its top, with their counts."""
        navigations = [it for it in self.root.iter("nav") if it.attrib.get("aria-label") == "On this page"]
        found = {}
        for link in (link for navigation in navigations for link in navigation.iter("a")):
            match = re.fullmatch(r"\s*(.+?)\s+([\d,]+)\s*", "".join(link.itertext()))
            if match:
                found[match[1]] = int(match[2].replace(",", ""))
        return found


def check(document: Document, address: str, slug: str = "", label: str = "") -> None:
    """Valid, one canonical address, every id once, every fragment there, and no silent way out of the release."""
    ids = document.ids
    assert len(ids) == len(set(ids)), address
    assert document.canonical == address
    for link in document.links:
        if link.href.startswith("#"):
            assert link.href[1:] in ids, (address, link)
        elif not link.is_external and label:
            match = re.match(r"/([\w-]+)/([^/?#]+?)(?:\.json)?(?:/|$)", link.href)
            if match and match[1] not in ("static", "api", "help", "data"):
                assert link.leaves_release == ((match[1], match[2]) != (slug, label)), (address, link)
