"""Downloads files within limits of time and size, retrying where that helps: completely or not at all."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Final

import httpx2
import stamina

from ctibutler import __version__
from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.failures import SourceDown, SourceSlow, TryAgain
from ctibutler.publishers.web.limits import MAX_RETRY_AFTER, Limits
from ctibutler.publishers.web.pages import Page
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.publishers.web.transfer import Transfer

USER_AGENT: Final = f"ctibutler/{__version__} (+https://github.com/ctibutler/ctibutler)"

_LOOK_EVERY: Final = 0.1
_SHORT_WAIT: Final = 0.5
_log = logging.getLogger(__name__)

# The HTTP libraries log full URLs and headers, which may hold keys. stamina logs retries, which we report ourselves.
for _noisy, _level in (("httpx2", "WARNING"), ("httpcore2", "WARNING"), ("hpack", "WARNING"), ("stamina", "ERROR")):
    logging.getLogger(_noisy).setLevel(_level)


class Downloads:
    """Downloads files, over one connection if the server keeps it open. Close it when done.

    A file in the `cache` is only sent again if it has changed.
    """

    def __init__(self, cache: DownloadCache | None = None) -> None:
        self._client: httpx2.Client | None = None
        self._cache = cache

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def get(
        self, address: WebAddress, limits: Limits, progress: Progress = no_progress, *, packed: bool = False
    ) -> bytes | None:
        """The content of a file; None if the server has no such file.

        `packed` means that the stored file is compressed, so no further compression is requested. `progress` counts bytes as
        transferred.

        Raises SourceDown if the server does not answer properly, SourceUnavailable if it does not deliver the file intact and
        within the limits, MalformedFile if a compressed response cannot be unpacked.
        """
        page = self.page(address, limits, progress, packed=packed)
        return None if page is None else page.content

    def page(
        self, address: WebAddress, limits: Limits, progress: Progress = no_progress, *, packed: bool = False
    ) -> Page | None:
        """The same, with the address of the next page if the server names one. Raises the same errors as `get`."""
        deadline = time.monotonic() + limits.seconds
        page: Page | None = None
        try:
            for attempt in stamina.retry_context(
                on=partial(_may_retry, deadline),
                attempts=limits.retries + 1,
                timeout=None,
                wait_initial=0.2,
                wait_max=5.0,
                wait_jitter=_SHORT_WAIT - 0.2,
            ):
                with attempt:
                    page = self._once(address, limits, deadline, progress, packed, attempt.num)
        except TryAgain as last:
            raise last.problem from None
        return page

    def _once(
        self, address: WebAddress, limits: Limits, deadline: float, progress: Progress, packed: bool, number: int
    ) -> Page | None:
        """One attempt, counted from 1, until the deadline (in seconds of the monotonic clock)."""
        if number > 1:
            _log.info("%s: attempt %d of %d", address, number, limits.retries + 1)
        client = self._connected()
        transfer = Transfer(client, address, limits, packed, self._cache)
        transfer.start()
        try:
            while transfer.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise _too_slow(address, limits, transfer)
                transfer.join(min(_LOOK_EVERY, left))
                progress(transfer.done, transfer.total)
            progress(transfer.done, transfer.total)  # it may have finished before the first look
        finally:
            if transfer.is_alive():
                # The thread may hang in the client: leave the client to it, to close when it returns.
                transfer.abandoned = True
                self._client = None
        return transfer.outcome()

    def _connected(self) -> httpx2.Client:
        if self._client is None:
            try:
                self._client = httpx2.Client(http2=True, headers={"User-Agent": USER_AGENT})
            except (ValueError, httpx2.InvalidURL):  # it may quote a password
                raise SourceDown("the proxy URL in the environment is not valid") from None
            except ImportError:
                raise SourceDown("the proxy in the environment is of a kind that is not supported") from None
        return self._client


def _may_retry(deadline: float, failure: Exception) -> bool | float:
    """Whether to retry, or after how many seconds."""
    if not isinstance(failure, TryAgain):
        return False
    wait = failure.wait or _SHORT_WAIT
    if wait > MAX_RETRY_AFTER or time.monotonic() + wait >= deadline:
        return False
    return failure.wait if failure.wait is not None else True


def _too_slow(address: WebAddress, limits: Limits, transfer: Transfer) -> SourceUnavailable:
    if not transfer.answered:
        return SourceDown(f"{address} did not answer within {limits.seconds:.3g} seconds")
    return SourceSlow(
        f"{address} took longer than {limits.seconds:.3g} seconds: {transfer.done} bytes received"
        + ("" if limits.impatient else " (CTIBUTLER_DOWNLOAD_MAX_SECONDS)")
    )
