"""The publishers' hosts: asked within limits, and left alone for a while if they do not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from ctibutler.errors import MalformedFile, SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.failures import SourceDown, SourceSlow
from ctibutler.publishers.web.limits import Limits
from ctibutler.publishers.web.pages import Page
from ctibutler.publishers.web.progress import Progress, no_progress

if TYPE_CHECKING:
    from ctibutler.publishers.web.download import Downloads

ANSWER_SECONDS = 5.0
"""How many seconds a publisher may take to respond to a request for its list."""

LIST_SECONDS = 20.0
"""How many seconds reading a list may take. For some publishers, the list is a whole bundle."""

SILENT_SECONDS = 60.0
"""How many seconds to leave a host alone that did not answer."""


@dataclass(frozen=True)
class PublisherWeb:
    """The publishers' hosts, within these limits and with a download cache.

    `stand_in` is a mirror to use instead; the name of the host becomes the first part of the path there.
    """

    limits: Limits
    cache: DownloadCache | None = None
    stand_in: WebAddress | None = None
    _silent: dict[str, tuple[SourceDown, float]] = field(default_factory=dict, repr=False, compare=False)

    @contextmanager
    def opened(self, hosts: Sequence[str]) -> Iterator[_OpenHosts]:
        """Open these hosts for several requests, over connections that are kept open."""
        from ctibutler.publishers.web.download import Downloads  # late, for its HTTP client

        downloads = Downloads(self.cache)
        try:
            yield _OpenHosts(self, downloads, frozenset(hosts))
        finally:
            downloads.close()

    def address(self, url: str, hosts: frozenset[str]) -> WebAddress:
        """The address to request for this URL.

        Raises SourceUnavailable if the URL is not at one of the publisher's hosts.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in hosts:
            raise SourceUnavailable(f"{url.partition('?')[0]} is not at {' or '.join(sorted(hosts))}: not requested")
        return WebAddress.at_hosts(url, hosts) if self.stand_in is None else self.stand_in.standing_for(url, hosts)

    def refuse_silent(self, host: str, *, listing: bool) -> None:
        """Raise the last SourceDown again if a host recently did not answer. A host that was only slow may still send files."""
        down, until = self._silent.get(host, (SourceDown(""), 0.0))
        if time.monotonic() < until and (listing or not isinstance(down, SourceSlow)):
            raise type(down)(str(down))

    def remember_silent(self, host: str, down: SourceDown) -> None:
        """Leave this host alone for a while."""
        self._silent[host] = down, time.monotonic() + SILENT_SECONDS


class _OpenHosts:
    """Some of the hosts, while they are open."""

    def __init__(self, web: PublisherWeb, downloads: Downloads, hosts: frozenset[str]) -> None:
        self._web = web
        self._downloads = downloads
        self._hosts = hosts
        self._until = time.monotonic() + LIST_SECONDS

    def page(self, url: str) -> Page | None:
        """A page on which a publisher lists its releases. Raises SourceDown, SourceUnavailable."""
        limits = self._web.limits
        left = self._until - time.monotonic()
        if left <= 0:
            host = urlsplit(url).netloc
            slow = SourceSlow(f"{host} is slow: no further requests after {LIST_SECONDS:g} seconds")
            self._web.remember_silent(host, slow)
            raise slow
        quick = replace(
            limits,
            silence=min(limits.silence, ANSWER_SECONDS),
            seconds=min(limits.seconds, left),
            retries=min(limits.retries, 1),
            impatient=True,
        )
        try:
            page = self._get(url, quick, no_progress, listing=True)
        except MalformedFile as failure:  # a compressed response that cannot be unpacked
            raise SourceUnavailable(str(failure)) from None
        if page is None or page.next_url is None:
            return page
        return replace(page, next_url=urljoin(url, page.next_url))

    def file(self, url: str, progress: Progress = no_progress) -> bytes | None:
        """The content of a file; None if there is no such file. Raises SourceDown, SourceUnavailable."""
        page = self._get(url, self._web.limits, progress, listing=False)
        return None if page is None else page.content

    def _get(self, url: str, limits: Limits, progress: Progress, *, listing: bool) -> Page | None:
        host = urlsplit(url).netloc
        self._web.refuse_silent(host, listing=listing)
        try:
            return self._downloads.page(self._web.address(url, self._hosts), limits, progress)
        except SourceDown as down:
            self._web.remember_silent(host, down)
            raise
