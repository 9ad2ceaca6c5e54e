"""What a publisher's own place is: where it lists its releases, and where their files are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

import msgspec

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.publishers.web.pages import Page
from ctibutler.publishers.web.progress import Progress, no_progress

T = TypeVar("T")
_NOT_OF_THE_FORM = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Web(Protocol):
    """The web as places see it. Addresses are https, at the place's own hosts."""

    def page(self, url: str) -> Page | None:
        """A short file, fetched quickly or not at all; None where there is none. The address of the next page is absolute.

        Raises SourceDown when the host does not answer, SourceUnavailable when it does not deliver.
        """
        ...

    def file(self, url: str, progress: Progress = no_progress) -> bytes | None:
        """A file of any size; None where there is none. Raises as `page` does."""
        ...


@dataclass(frozen=True)
class Published:
    """A release at its publisher's: its label, dotted, and the address of its file.

    `day` is that of the release, for formats that do not say it. `is_bundle` means that the file is a STIX bundle, whatever
    the knowledge base's converter reads; `own_file` is then the address of the file that the publisher made it of, where there
    is one. `sha256` is the digest of the file, where it is known from elsewhere.
    """

    label: str
    url: str
    day: date | None = None
    is_bundle: bool = False
    own_file: str | None = None
    sha256: str | None = None


class Place(Protocol):
    """Where one knowledge base is published. Immutable, and without a connection of its own."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it is spread over; the first is the one that lists the releases."""
        ...

    def releases(self, web: Web) -> Iterable[Published]:
        """The releases that it lists, in any order.

        Raises SourceUnavailable, saying what was expected where, when the list is not there or not of the form known; where
        a part of it is, after the releases of that part.
        """
        ...

    def release(self, label: str) -> Published | None:
        """A release that is not listed, where its label tells its address; None where it does not."""
        ...

    def content(self, name: str, content: bytes) -> tuple[str, bytes]:
        """Name and content of the file to read, out of what was downloaded under this name."""
        ...

    def label_in(self, name: str, content: bytes) -> str | None:
        """The label that a file's content gives itself; None where it gives none."""
        ...


class PlainFiles:
    """The part of a place whose files are what they are, and do not say their label."""

    def release(self, label: str) -> Published | None:
        """None: what is not listed is not known."""

    def content(self, name: str, content: bytes) -> tuple[str, bytes]:
        """The file as it was downloaded."""
        return name, content

    def label_in(self, name: str, content: bytes) -> str | None:
        """None: the file does not say."""


def listed(web: Web, url: str, expected: str) -> bytes:
    """The page that lists releases. Raises SourceUnavailable when it is not there."""
    page = web.page(url)
    if page is None:
        raise SourceUnavailable(f"there is no {url}, where {expected} was expected")
    return page.content


def newest_only(web: Web, url: str, expected: str, label_in: Callable[[str, bytes], str]) -> list[Published]:
    """The one release behind an address that always has the newest, and whose file says which that is.

    Raises SourceUnavailable when it is not there, or does not say.
    """
    content = listed(web, url, expected)
    try:
        return [Published(label_in(url, content), url)]
    except MalformedFile as failure:
        raise SourceUnavailable(str(failure)) from None


def read_json(content: bytes, form: type[T], url: str, expected: str) -> T:
    """A JSON document of a known form. Raises SourceUnavailable that says what was expected and what is otherwise."""
    try:
        return msgspec.json.decode(content, type=form)
    except _NOT_OF_THE_FORM as failure:
        raise SourceUnavailable(f"{url} is not {expected}: {failure}") from None


def read_labels(content: bytes, form: type[T], name: str, expected: str) -> T:
    """The few properties of a release's file that tell its label. Raises MalformedFile."""
    try:
        return msgspec.json.decode(content, type=form)
    except _NOT_OF_THE_FORM as failure:
        raise MalformedFile(f"{name}: expected {expected}: {failure}") from None
