"""What a publisher's place is: where it lists its releases, and where their files are."""

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
    """The web as places see it. URLs are https, at the place's own hosts."""

    def page(self, url: str) -> Page | None:
        """A short file, fetched quickly or not at all; None if there is no such file. The URL of the next page is absolute.

        Raises SourceDown if the host does not answer, SourceUnavailable if it does not deliver the file.
        """
        ...

    def file(self, url: str, progress: Progress = no_progress) -> bytes | None:
        """The content of a file of any size; None if there is no such file. Raises the same errors as `page`."""
        ...


@dataclass(frozen=True)
class Published:
    """A release as its publisher offers it: its dotted label, and the URL of its file.

    `day` is the day of the release, for formats that do not contain it. `is_bundle` means that the file is a STIX bundle, even
    if the knowledge base has a converter; `own_file` is then the URL of the file that the publisher made the bundle from, if
    there is one. `sha256` is the digest of the file, if it is known from elsewhere.
    """

    label: str
    url: str
    day: date | None = None
    is_bundle: bool = False
    own_file: str | None = None
    sha256: str | None = None


class Place(Protocol):
    """Where one knowledge base is published. Immutable, and holds no connection."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts that it uses; the first one lists the releases."""
        ...

    @property
    def repository(self) -> str | None:
        """The GitHub repository (`owner/name`) that the releases are in, which can be archived or moved; None for a site."""
        ...

    def releases(self, web: Web) -> Iterable[Published]:
        """The releases that it lists, in any order.

        Raises SourceUnavailable, which says what was expected where, if the list is missing or has an unknown form. If only
        a part of it can be read, the error comes after the releases of that part.
        """
        ...

    def release(self, label: str) -> Published | None:
        """A release that is not listed; None if its URL does not follow from its label."""
        ...

    def content(self, name: str, content: bytes) -> tuple[str, bytes]:
        """The name and content of the file to read, from what was downloaded under this name."""
        ...

    def label_in(self, name: str, content: bytes) -> str | None:
        """The label of the release that a file states; None if it states none."""
        ...


class PlainFiles:
    """The part of a place whose files need no unpacking and do not state their label."""

    def release(self, label: str) -> Published | None:
        """None: there are no unlisted releases."""

    def content(self, name: str, content: bytes) -> tuple[str, bytes]:
        """The file as it was downloaded."""
        return name, content

    def label_in(self, name: str, content: bytes) -> str | None:
        """None: the file does not state its label."""


def listed(web: Web, url: str, expected: str) -> bytes:
    """The page that lists releases. Raises SourceUnavailable if it does not exist."""
    page = web.page(url)
    if page is None:
        raise SourceUnavailable(f"{url} does not exist: expected {expected}")
    return page.content


def newest_only(web: Web, url: str, expected: str, label_in: Callable[[str, bytes], str]) -> list[Published]:
    """The newest release, at a URL that always has it, in a file that states its label.

    Raises SourceUnavailable if the file does not exist or does not state its label.
    """
    content = listed(web, url, expected)
    try:
        return [Published(label_in(url, content), url)]
    except MalformedFile as failure:
        raise SourceUnavailable(str(failure)) from None


def read_json(content: bytes, form: type[T], url: str, expected: str) -> T:
    """Decode a JSON document of a known form. Raises SourceUnavailable, which says what was expected and found."""
    try:
        return msgspec.json.decode(content, type=form)
    except _NOT_OF_THE_FORM as failure:
        raise SourceUnavailable(f"{url} is not {expected}: {failure}") from None


def read_labels(content: bytes, form: type[T], name: str, expected: str) -> T:
    """Decode the few properties of a release's file that state its label. Raises MalformedFile."""
    try:
        return msgspec.json.decode(content, type=form)
    except _NOT_OF_THE_FORM as failure:
        raise MalformedFile(f"{name}: expected {expected}: {failure}") from None


class _Object(msgspec.Struct):
    type: str
    x_mitre_version: str | None = None


class _Bundle(msgspec.Struct):
    objects: list[_Object]


def collection_versions(content: bytes, name: str, expected: str) -> list[str | None]:
    """The `x_mitre_version` of each `x-mitre-collection` in a bundle. Raises MalformedFile if it is not a bundle."""
    bundle = read_labels(content, _Bundle, name, expected)
    return [item.x_mitre_version for item in bundle.objects if item.type == "x-mitre-collection"]


def day_in(value: object) -> date | None:
    """The day at the start of an ISO 8601 date or time; None if there is none."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
