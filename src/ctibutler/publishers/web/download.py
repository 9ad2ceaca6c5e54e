"""Files from the web: within limits of time and size, tried again where that helps, whole or not at all."""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import Final

import httpx2
import stamina

from ctibutler import __version__
from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress, without_secrets
from ctibutler.publishers.web.checksums import contradiction
from ctibutler.publishers.web.download_cache import DownloadCache
from ctibutler.publishers.web.failures import SourceDown, SourceSlow
from ctibutler.publishers.web.progress import Progress, no_progress
from ctibutler.publishers.web.unpacking import unpack

MAX_REDIRECTS: Final = 5
MAX_RETRY_AFTER: Final = 30.0
"""The longest wait, in seconds, that a server may ask for."""

USER_AGENT: Final = f"ctibutler/{__version__} (+https://github.com/ctibutler/ctibutler)"

NOT_THERE: Final = frozenset((404, 410))
NOT_IN_A_BUCKET: Final = NOT_THERE | {403}
"""A bucket that may not be listed answers 403 for what it does not have."""

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_PASSING: Final = frozenset((408, 429, 500, 502, 503, 504))
_ENCODINGS: Final = frozenset(("gzip", "x-gzip", "zstd"))
_LOOK_EVERY: Final = 0.1
_SHORT_WAIT: Final = 0.5
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")
_log = logging.getLogger(__name__)

# These write whole URLs and headers, with the keys in them; the last one writes of retries what we say in words.
for _noisy, _level in (("httpx2", "WARNING"), ("httpcore2", "WARNING"), ("hpack", "WARNING"), ("stamina", "ERROR")):
    logging.getLogger(_noisy).setLevel(_level)


@dataclass(frozen=True)
class Limits:
    """How long and how large a download may be.

    `silence` and `seconds` (in all, further tries included) are seconds. `max_bytes` counts what is sent,
    `unpacked_max_bytes` what becomes of it where it is sent compressed. `retries` counts further tries; an `impatient`
    download makes them only when the server itself answered: whoever does not answer at once is not asked again. `missing`
    are the statuses that say that there is no such file.
    """

    silence: float
    seconds: float
    max_bytes: int
    unpacked_max_bytes: int
    retries: int
    impatient: bool = False
    missing: frozenset[int] = NOT_IN_A_BUCKET


class Downloads:
    """Gets files from the web, over one connection where the server keeps it. Close it when done.

    A file that is in the `cache` is requested only if it has changed.
    """

    def __init__(self, cache: DownloadCache | None = None) -> None:
        self._client: httpx2.Client | None = None
        self._cache = cache

    def close(self) -> None:
        """Give the connection up."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def get(
        self, address: WebAddress, limits: Limits, progress: Progress = no_progress, *, packed: bool = False
    ) -> bytes | None:
        """The content of a file, as it is stored; None where the server has no such file.

        `packed` says that the file is compressed already. `progress` counts bytes as sent.

        Raises SourceDown when the server does not answer, or not as a server should, SourceUnavailable when it has
        the file and does not deliver it within the limits and intact, MalformedFile when what was sent compressed
        cannot be unpacked.
        """
        deadline = time.monotonic() + limits.seconds
        content: bytes | None = None
        try:
            for attempt in stamina.retry_context(
                on=partial(_worth_another, deadline),
                attempts=limits.retries + 1,
                timeout=None,
                wait_initial=0.2,
                wait_max=5.0,
                wait_jitter=_SHORT_WAIT - 0.2,
            ):
                with attempt:
                    content = self._once(address, limits, deadline, progress, packed, attempt.num)
        except _TryAgain as last:
            raise last.problem from None
        return content

    def _once(
        self, address: WebAddress, limits: Limits, deadline: float, progress: Progress, packed: bool, number: int
    ) -> bytes | None:
        """One try, the first has number 1, until the deadline (seconds of the monotonic clock)."""
        if number > 1:
            _log.info("%s: try %d of %d", address, number, limits.retries + 1)
        client = self._connected()
        transfer = _Transfer(client, address, limits, packed, self._cache)
        transfer.start()
        try:
            while transfer.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise _too_slow(address, limits, transfer)
                transfer.join(min(_LOOK_EVERY, left))
                progress(transfer.done, transfer.total)
            progress(transfer.done, transfer.total)  # also where it was done before anybody looked
        finally:
            if transfer.is_alive():
                # The transfer owns the client now, and closes it when it comes back from where it hangs.
                transfer.given_up = True
                self._client = None
        return transfer.outcome()

    def _connected(self) -> httpx2.Client:
        if self._client is None:
            try:
                self._client = httpx2.Client(http2=True, headers={"User-Agent": USER_AGENT})
            except ValueError:
                raise SourceDown("the proxy in this machine's environment is no URL that can be used") from None
        return self._client


class _TryAgain(Exception):
    """A failure that may pass. `wait` is how many seconds the server asks to wait."""

    def __init__(self, problem: SourceUnavailable, wait: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.wait = wait


def _worth_another(deadline: float, failure: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if not isinstance(failure, _TryAgain):
        return False
    wait = failure.wait or _SHORT_WAIT
    if wait > MAX_RETRY_AFTER or time.monotonic() + wait >= deadline:
        return False
    return failure.wait if failure.wait is not None else True


def _too_slow(address: WebAddress, limits: Limits, transfer: _Transfer) -> SourceUnavailable:
    if not transfer.answered:
        return SourceDown(f"{address} did not answer within {limits.seconds:.3g} seconds")
    return SourceSlow(
        f"{address} took longer than {limits.seconds:.3g} seconds, {transfer.done} bytes had come"
        + ("" if limits.impatient else " (CTIBUTLER_DOWNLOAD_MAX_SECONDS)")
    )


class _Transfer(threading.Thread):
    """One request and its answer, in a thread of its own.

    Name resolution, a host of many addresses or headers that trickle in know no limit of time: whoever waits can leave.
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
        self._content: bytes | None = None
        self._failure: Exception | None = None
        self.done = 0
        self.total: int | None = None
        self.answered = False
        self.given_up = False

    def outcome(self) -> bytes | None:
        """What was got. Raises what went wrong."""
        if self._failure is not None:
            raise self._failure
        return self._content

    def run(self) -> None:
        """Send the request, follow redirects, receive the file."""
        try:
            self._content = self._receive()
        except httpx2.HTTPError as error:
            self._failure = self._explained(error)
        except Exception as error:
            self._failure = error  # raised where somebody waits for it: a thread has nobody to tell
        finally:
            if self.given_up:
                self._client.close()

    def _receive(self) -> bytes | None:
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
                    return self._content_of(response)
                url = self._next(url, response)
            finally:
                response.close()
        raise SourceDown(f"{self._address} leads from one address to another, more than {MAX_REDIRECTS} times")

    def _next(self, url: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
        """Where a redirect leads, without the name and password that it may carry."""
        try:
            target = url.join(response.headers.get("location", "")).copy_with(userinfo=b"")
        except httpx2.InvalidURL:
            raise SourceDown(f"{self._address} leads to something that is no URL") from None
        if self._address.hosts and target.host not in self._address.hosts:
            raise SourceUnavailable(f"{self._address} leads to another host, {without_secrets(target)}: not followed")
        if "location" not in response.headers or target.scheme not in ("http", "https") or not target.host:
            raise SourceDown(f"{self._address} leads to something that is no http or https URL")
        if url.scheme == "https" and target.scheme == "http":
            raise SourceDown(f"{self._address} leads from https to http, {without_secrets(target)}: not followed")
        return target

    def _content_of(self, response: httpx2.Response) -> bytes | None:
        if response.status_code in self._limits.missing:
            return None
        if response.status_code == HTTPStatus.NOT_MODIFIED and self._entry is not None:
            self.done = self.total = len(self._entry.content)
            return self._entry.content
        if response.status_code != HTTPStatus.OK:
            raise self._refusal(response)
        body = self._body(response)
        if field := contradiction(response.headers, body):
            raise _TryAgain(SourceUnavailable(f"{self._address} came damaged: it contradicts the header {field}"))
        encodings = [part.strip().lower() for part in response.headers.get("content-encoding", "").split(",")]
        for encoding in reversed([name for name in encodings if name not in ("", "identity")]):
            if encoding not in _ENCODINGS:
                raise SourceUnavailable(f"{self._address} came in an encoding that was not asked for: {encoding[:20]}")
            body = unpack(body, str(self._address), self._limits.unpacked_max_bytes)
        if self._cache is not None:
            self._cache.put(str(self._address.url), response.headers, body)
        return body

    def _body(self, response: httpx2.Response) -> bytes:
        """The body as it was sent. Raises when it is too large, or shorter than was promised."""
        length = response.headers.get("content-length", "")
        self.total = int(length) if length.isascii() and length.isdigit() else None
        if self.total is not None:
            self._check_size(self.total)
        body = BytesIO()
        for piece in response.iter_raw():
            if self.given_up:
                raise SourceUnavailable(f"{self._address}: given up")
            body.write(piece)
            self.done = body.tell()
            self._check_size(self.done)
        if self.total is not None and self.done != self.total:
            raise _TryAgain(SourceUnavailable(f"{self._address} was cut off: {self.done} of {self.total} bytes came"))
        return body.getvalue()

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            setting = "" if self._limits.impatient else " (CTIBUTLER_DOWNLOAD_MAX_BYTES)"
            raise SourceUnavailable(
                f"{self._address} is larger than the limit of {self._limits.max_bytes} bytes{setting}"
            )

    def _refusal(self, response: httpx2.Response) -> Exception:
        """What an answer other than the file means."""
        status = response.status_code
        name = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        answer = f"{self._address} answered {status} {name}".rstrip()
        if status in (401, 407):
            return SourceDown(f"{answer}: it wants a name and password, or other ones")
        if status == HTTPStatus.FORBIDDEN:
            return SourceUnavailable(f"{answer}: it refuses, or was asked too often")
        if status not in _PASSING:
            return SourceDown(answer) if status >= 500 else SourceUnavailable(answer)
        wait = _seconds_to_wait(response.headers)
        if wait is not None and wait > MAX_RETRY_AFTER:
            answer += f" and asks to come back in {wait:.0f} seconds"
        return _TryAgain(SourceDown(answer), wait)

    def _explained(self, error: httpx2.HTTPError) -> Exception:
        """A failure of the connection, in words. The library's own words may hold parts of the URL: few are used."""
        address, silence = self._address, f"{self._limits.silence:g} seconds"
        check = "check the network" + (f" and {address.setting}" if address.setting else "")
        match error:
            case httpx2.ConnectTimeout():
                problem: SourceUnavailable = SourceDown(
                    f"{address} cannot be reached: no connection within {silence}; {check}"
                )
            case httpx2.TimeoutException():
                problem = SourceDown(f"{address} was silent for {silence}")
            case httpx2.ProxyError():
                problem = SourceDown(f"{address} cannot be reached: the proxy refuses")
            case httpx2.ConnectError():
                problem = SourceDown(f"{address} cannot be reached: {_ERRNO.sub('', str(error))}; {check}")
            case _ if self.answered:
                problem = SourceUnavailable(f"{address} was cut off: {self.done} of {self.total or '?'} bytes came")
            case _:
                problem = SourceDown(f"{address} broke off, or answered something that is not HTTP")
        silent = isinstance(error, (httpx2.TimeoutException, httpx2.ConnectError))
        return problem if (silent and self._limits.impatient) or _is_about_trust(error) else _TryAgain(problem)


def _is_about_trust(error: BaseException | None) -> bool:
    """Whether a certificate is behind this failure: it will be the same next time."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds in `Retry-After`; None where there are none. A date there is passed over: clocks differ."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() else None
