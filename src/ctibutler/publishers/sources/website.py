"""A bucket behind a URL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download import Downloads
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.failures import SourceDown
from ctibutler.publishers.web.limits import Limits
from ctibutler.publishers.web.progress import Progress

ANSWER_SECONDS = 5.0
"""How long a bucket may take to say what it has of one knowledge base."""

VISIT_SECONDS = 20.0
"""How long it may take for all of them."""


@dataclass(frozen=True)
class Website:
    """The files of a bucket at an address on the web; `limits` apply to the file of a release. A file in the `cache` is not
    sent again before it changes."""

    address: WebAddress
    limits: Limits
    cache: DownloadCache | None = None

    @contextmanager
    def visit(self) -> Iterator[WebsiteFiles]:
        """The files, over one connection."""
        downloads = Downloads(self.cache)
        try:
            yield WebsiteFiles(self, downloads)
        finally:
            downloads.close()


class WebsiteFiles:
    """The files of a website, while it is visited."""

    def __init__(self, website: Website, downloads: Downloads) -> None:
        self._website = website
        self._downloads = downloads
        self._until = time.monotonic() + VISIT_SECONDS

    def address(self, *parts: str) -> str:
        """The URL of a file, without secrets."""
        return str(self._website.address.below(*parts))

    def names(self, folder: str) -> None:
        """None: a website does not list its files."""

    def short_text(self, folder: str, name: str, max_bytes: int) -> bytes | None:
        """The content of a small file; None where there is none.

        Raises SourceDown when the website does not answer within seconds, SourceUnavailable when it does not deliver.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise SourceDown(
                f"{self._website.address} is slow: after {VISIT_SECONDS:g} seconds it was not asked for more"
            )
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
        except MalformedFile as failure:  # sent compressed, and not to be unpacked
            raise SourceUnavailable(str(failure)) from None

    def read(self, folder: str, name: str, progress: Progress) -> bytes | None:
        """The content of a file; None where there is none.

        Raises SourceUnavailable when it cannot be had whole, MalformedFile when it cannot be decoded.
        """
        address = self._website.address.below(folder, name)
        packed = name.endswith((".zst", ".gz"))
        return self._downloads.get(address, self._website.limits, progress, packed=packed)

    def size(self, folder: str, name: str) -> None:
        """None: it is not known before the file is asked for."""
