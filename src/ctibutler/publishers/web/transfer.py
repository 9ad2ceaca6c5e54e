"""One request for a file and its response, in a thread of its own."""

from __future__ import annotations

import threading
from http import HTTPStatus
from io import BytesIO
from typing import Final

import httpx2

from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.checksums import contradiction
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.failures import SourceDown, TryAgain
from ctibutler.publishers.web.limits import Limits
from ctibutler.publishers.web.pages import Page, next_link
from ctibutler.publishers.web.refusals import broken_connection, refusal
from ctibutler.publishers.web.unpacking import unpack
from ctibutler.settings import without_secrets

MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_ENCODINGS: Final = frozenset(("gzip", "x-gzip", "zstd"))


class Transfer(threading.Thread):
    """One request and its response, in a thread of its own.

    There is no timeout for name resolution, for trying many addresses of a host, or for headers that trickle in. With a
    thread, the caller can stop waiting.
    """

    def __init__(
        self, client: httpx2.Client, address: WebAddress, limits: Limits, packed: bool, cache: DownloadCache | None
    ) -> None:
        super().__init__(name="ctibutler-download", daemon=True)
        self._client = client
        self._address = address
        self._limits = limits
        self._packed = packed
        self._cache = cache
        self._entry = cache.get(str(address.url)) if cache else None
        self._page: Page | None = None
        self._failure: Exception | None = None
        self.done = 0
        self.total: int | None = None
        self.answered = False
        self.abandoned = False

    def outcome(self) -> Page | None:
        """What the server sent; None if it has no such file. Raises the error if the transfer failed."""
        if self._failure is not None:
            raise self._failure
        return self._page

    def run(self) -> None:
        """Send the request, follow redirects and receive the file."""
        try:
            self._page = self._receive()
        except httpx2.HTTPError as error:
            received = f"{self.done} of {self.total or '?'}" if self.answered else None
            self._failure = broken_connection(error, self._address, self._limits, received)
        except Exception as error:
            self._failure = error  # raised by `outcome`, in the caller's thread
        finally:
            if self.abandoned:
                self._client.close()

    def _receive(self) -> Page | None:
        url = self._address.url
        for _ in range(MAX_REDIRECTS + 1):
            request = self._client.build_request(
                "GET",
                url,
                headers={
                    "Accept-Encoding": "identity" if self._packed else "gzip, zstd",
                    **(self._entry.conditions if self._entry else {}),
                },
                timeout=httpx2.Timeout(self._limits.silence),
            )
            self.answered = False
            response = self._client.send(request, auth=self._address.login_at(url), stream=True)
            self.answered = True
            try:
                if response.status_code not in _REDIRECTS:
                    return self._page_of(response)
                url = self._next(url, response)
            finally:
                response.close()
        raise SourceDown(f"{self._address} redirects more than {MAX_REDIRECTS} times")

    def _next(self, url: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
        """The target of a redirect, without the credentials that it may contain."""
        try:
            target = url.join(response.headers.get("location", "")).copy_with(userinfo=b"")
        except httpx2.InvalidURL:
            raise SourceDown(f"{self._address} redirects to an invalid URL") from None
        target = self._address.redirected(target)
        if not self._address.may_lead_to(target):
            where = without_secrets(str(target))
            raise SourceUnavailable(f"{self._address} redirects to another server, {where}: not followed")
        if "location" not in response.headers or target.scheme not in ("http", "https") or not target.host:
            raise SourceDown(f"{self._address} redirects to something other than an http or https URL")
        if url.scheme == "https" and target.scheme == "http":
            raise SourceDown(
                f"{self._address} redirects from https to http, {without_secrets(str(target))}: not followed"
            )
        return target

    def _page_of(self, response: httpx2.Response) -> Page | None:
        if response.status_code in self._limits.missing:
            return None
        if response.status_code == HTTPStatus.NOT_MODIFIED and self._entry is not None:
            self.done = self.total = len(self._entry.content)
            # A 304 response need not repeat the header.
            link = response.headers.get("link") or self._entry.link
            return Page(self._entry.content, next_link(link or ""))
        if response.status_code != HTTPStatus.OK:
            raise refusal(self._address, response)
        body = self._body(response)
        if field := contradiction(response.headers, body):
            raise TryAgain(SourceUnavailable(f"{self._address} arrived damaged: it does not match the header {field}"))
        encodings = [part.strip().lower() for part in response.headers.get("content-encoding", "").split(",")]
        for encoding in reversed([name for name in encodings if name not in ("", "identity")]):
            if encoding not in _ENCODINGS:
                raise SourceUnavailable(
                    f"{self._address} was sent in an encoding that was not requested: {encoding[:20]}"
                )
            body = unpack(body, str(self._address), self._limits.unpacked_max_bytes)
        if self._cache is not None:
            self._cache.put(str(self._address.url), response.headers, body)
        return Page(body, next_link(response.headers.get("link", "")))

    def _body(self, response: httpx2.Response) -> bytes:
        """The body as it was sent. Raises if it is too large, or shorter than its Content-Length."""
        length = response.headers.get("content-length", "")
        self.total = int(length) if length.isascii() and length.isdigit() else None
        if self.total is not None:
            self._check_size(self.total)
        body = BytesIO()
        for piece in response.iter_raw():
            if self.abandoned:
                raise SourceUnavailable(f"{self._address}: cancelled")
            body.write(piece)
            self.done = body.tell()
            self._check_size(self.done)
        if self.total is not None and self.done != self.total:
            raise TryAgain(
                SourceUnavailable(f"{self._address} was cut off: received {self.done} of {self.total} bytes")
            )
        return body.getvalue()

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            setting = "" if self._limits.impatient else " (CTIBUTLER_DOWNLOAD_MAX_BYTES)"
            raise SourceUnavailable(
                f"{self._address} is larger than the limit of {self._limits.max_bytes} bytes{setting}"
            )
