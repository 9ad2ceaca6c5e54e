"""A bucket behind a URL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.failures import SourceDown
from ctibutler.publishers.web.limits import Limits
from ctibutler.publishers.web.progress import Progress

if TYPE_CHECKING:
    from ctibutler.publishers.web.download import Downloads

ANSWER_SECONDS = 5.0
"""How many seconds a bucket may take to list the releases of one knowledge base."""

LIST_SECONDS = 20.0
"""How many seconds it may take for all knowledge bases."""


@dataclass(frozen=True)
class Website:
    """A bucket at a URL. `limits` apply to the file of a release. A file in the `cache` is only sent again if it changed."""

    address: WebAddress
    limits: Limits
    cache: DownloadCache | None = None

    @contextmanager
    def opened(self) -> Iterator[WebsiteFiles]:
        """Open the bucket, over one connection."""
        from ctibutler.publishers.web.download import Downloads  # late, for its HTTP client

        downloads = Downloads(self.cache)
        try:
            yield WebsiteFiles(self, downloads)
        finally:
            downloads.close()


class WebsiteFiles:
    """The files of a website, while it is open."""

    def __init__(self, website: Website, downloads: Downloads) -> None:
        self._website = website
        self._downloads = downloads
        self._until = time.monotonic() + LIST_SECONDS

    def address(self, *parts: str) -> str:
        """The URL of a file, without secrets."""
        return str(self._website.address.below(*parts))

    def names(self, folder: str) -> None:
        """None: a website does not list its files."""

    def short_text(self, folder: str, name: str, max_bytes: int) -> bytes | None:
        """The content of a small file; None if there is no such file.

        Raises SourceDown if the website does not answer within seconds, SourceUnavailable if it does not deliver the file.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise SourceDown(f"{self._website.address} is slow: no further requests after {LIST_SECONDS:g} seconds")
        limits = self._website.limits
        quick = Limits(
            silence=min(limits.silence, ANSWER_SECONDS),
            seconds=min(limits.seconds, ANSWER_SECONDS, left),
            max_bytes=max_bytes,
            unpacked_max_bytes=max_bytes,
            retries=min(limits.retries, 1),
            impatient=True,
        )
        try:
            return self._downloads.get(self._website.address.below(folder, name), quick)
        except MalformedFile as failure:  # a compressed response that cannot be unpacked
            raise SourceUnavailable(str(failure)) from None

    def read(self, folder: str, name: str, progress: Progress) -> bytes | None:
        """The content of a file; None if there is no such file.

        Raises SourceUnavailable if it cannot be downloaded completely, MalformedFile if it cannot be decoded.
        """
        address = self._website.address.below(folder, name)
        packed = name.endswith((".zst", ".gz"))
        return self._downloads.get(address, self._website.limits, progress, packed=packed)

    def size(self, folder: str, name: str) -> None:
        """None: the size is only known after a request."""
