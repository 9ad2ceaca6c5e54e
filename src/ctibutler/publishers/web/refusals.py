"""Why a server did not deliver a file, in words: its answer, or how the connection failed."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import httpx2

from ctibutler.errors import SourceUnavailable
from ctibutler.publishers.web.addresses import WebAddress
from ctibutler.publishers.web.failures import SourceDown, TryAgain
from ctibutler.publishers.web.limits import MAX_RETRY_AFTER, Limits

_PASSING: Final = frozenset((408, 429, 500, 502, 503, 504))
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")


def refusal(address: WebAddress, response: httpx2.Response) -> Exception:
    """What an answer other than the file means."""
    status = response.status_code
    name = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    answer = f"{address} answered {status} {name}".rstrip()
    if status in (401, 407):
        return SourceDown(f"{answer}: it wants a name and password, or other ones")
    if status == HTTPStatus.FORBIDDEN:
        return SourceUnavailable(f"{answer}: it refuses, or was asked too often")
    if status not in _PASSING:
        return SourceDown(answer) if status >= 500 else SourceUnavailable(answer)
    wait = _seconds_to_wait(response.headers)
    if wait is not None and wait > MAX_RETRY_AFTER:
        answer += f" and asks to come back in {wait:.0f} seconds"
    return TryAgain(SourceDown(answer), wait)


def broken_connection(error: httpx2.HTTPError, address: WebAddress, limits: Limits, received: str | None) -> Exception:
    """A failure of the connection, in words. `received` says how much of the file came (`12 of 90`), None for no answer.

    The library's own words may hold parts of the URL: few are used.
    """
    silence = f"{limits.silence:g} seconds"
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
        case _ if received is not None:
            problem = SourceUnavailable(f"{address} was cut off: {received} bytes came")
        case _:
            problem = SourceDown(f"{address} broke off, or answered something that is not HTTP")
    silent = isinstance(error, (httpx2.TimeoutException, httpx2.ConnectError))
    return problem if (silent and limits.impatient) or _is_about_trust(error) else TryAgain(problem)


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
