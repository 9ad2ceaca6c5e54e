"""Explains why a server did not deliver a file: its error response, or a failed connection."""

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
    """The error behind a response that is not the file."""
    status = response.status_code
    name = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    answer = f"{address} answered {status} {name}".rstrip()
    if status in (401, 407):
        return SourceDown(f"{answer}: the user name or password is missing or wrong")
    if status == HTTPStatus.FORBIDDEN:
        return SourceUnavailable(f"{answer}: access denied, or too many requests")
    if status not in _PASSING:
        return SourceDown(answer) if status >= 500 else SourceUnavailable(answer)
    wait = _seconds_to_wait(response.headers)
    if wait is not None and wait > MAX_RETRY_AFTER:
        answer += f" and asks to retry in {wait:.0f} seconds"
    return TryAgain(SourceDown(answer), wait)


def broken_connection(error: httpx2.HTTPError, address: WebAddress, limits: Limits, received: str | None) -> Exception:
    """The error behind a failed connection. `received` tells how much arrived (`12 of 90`), None before any response.

    The library's own messages may quote parts of the URL, so most of them are not used.
    """
    silence = f"{limits.silence:g} seconds"
    check = "check the network" + (f" and {address.setting}" if address.setting else "")
    match error:
        case httpx2.ConnectTimeout():
            problem: SourceUnavailable = SourceDown(
                f"{address} cannot be reached: no connection within {silence}; {check}"
            )
        case httpx2.TimeoutException():
            problem = SourceDown(f"{address} sent nothing for {silence}")
        case httpx2.ProxyError():
            problem = SourceDown(f"{address} cannot be reached: the proxy refused the connection")
        case httpx2.ConnectError():
            problem = SourceDown(f"{address} cannot be reached: {_ERRNO.sub('', str(error))}; {check}")
        case _ if received is not None:
            problem = SourceUnavailable(f"{address} was cut off: received {received} bytes")
        case _:
            problem = SourceDown(f"{address} closed the connection, or does not speak HTTP")
    silent = isinstance(error, (httpx2.TimeoutException, httpx2.ConnectError))
    return problem if (silent and limits.impatient) or _is_about_trust(error) else TryAgain(problem)


def _is_about_trust(error: BaseException | None) -> bool:
    """Whether a bad certificate caused this failure: a retry would not help."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds in `Retry-After`; None if there are none. Dates are ignored because clocks differ."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() else None
