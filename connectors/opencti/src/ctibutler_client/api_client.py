"""GET requests to a CTI Butler server, with time limits, retries and errors that say what to do."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import stamina
from ctibutler_client.errors import (
    BrokenResponse,
    Forbidden,
    NotFound,
    ServerError,
    Unauthorized,
    Unavailable,
)
from requests.adapters import HTTPAdapter

LONGEST_PAUSE = 120.0
_CHUNK = 1 << 18
# The time limit is on silence. A server that sends a byte now and then never reaches it, so the whole response has a
# limit too: this many times the limit on silence.
_WHOLE_RESPONSE = 20


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The server and how to talk to it."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    verify: bool | str = True
    timeout: float = 60.0
    retries: int = 5
    page_size: int = 500
    concurrency: int = 4


def api_roots(base_url: str) -> tuple[str, ...]:
    """The API roots to try in order: `/v1/` and `/api/v1/`, or only the second if the URL has `api`.

    The hosted API and ctibutler have both. Older self-hosted servers have only the second.
    """
    parts = urlsplit(base_url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments and segments[-1] == "v1":
        segments.pop()
    said_api = bool(segments) and segments[-1] == "api"
    if said_api:
        segments.pop()
    stem = urlunsplit((parts.scheme, parts.netloc, "/".join(["", *segments]), "", ""))
    return (f"{stem}/api/v1/",) if said_api else (f"{stem}/v1/", f"{stem}/api/v1/")


class ApiClient:
    """A client of one server."""

    def __init__(self, address: ServerAddress) -> None:
        self.address = address
        self.requests_made = 0
        self._roots = api_roots(address.base_url)
        self._root_is_known = len(self._roots) == 1
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        if address.api_key:
            self._session.headers["API-KEY"] = address.api_key
        self._session.verify = address.verify
        self._session.mount("http://", HTTPAdapter(pool_maxsize=address.concurrency))
        self._session.mount("https://", HTTPAdapter(pool_maxsize=address.concurrency))

    def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> Any:
        """The JSON at a path below the API root."""
        if self._root_is_known:
            return self._get_with_retries(self._roots[0] + path, parameters)
        first, second = self._roots
        try:
            answer = self._get_with_retries(first + path, parameters)
            self._settle(first)
        except NotFound:
            answer = self._get_with_retries(second + path, parameters)
            self._settle(second)
        return answer

    def _settle(self, root: str) -> None:
        self._roots, self._root_is_known = (root,), True

    def _get_with_retries(
        self, url: str, parameters: Mapping[str, str | int] | None
    ) -> Any:
        retries = stamina.retry_context(
            on=_backoff,
            attempts=self.address.retries + 1,
            timeout=None,
            wait_initial=1.0,
            wait_max=LONGEST_PAUSE,
            wait_jitter=1.0,
        )
        try:
            for attempt in retries:
                with attempt:
                    return self._get_once(url, parameters)
        except _Temporary as trouble:
            raise trouble.final from trouble
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _get_once(self, url: str, parameters: Mapping[str, str | int] | None) -> Any:
        self.requests_made += 1
        limit = self.address.timeout
        try:
            with self._session.get(
                url,
                params=parameters,
                timeout=limit,
                stream=True,
                allow_redirects=False,
            ) as response:
                _check_status(response, url)
                body = _read(response, time.monotonic() + limit * _WHOLE_RESPONSE)
        except requests.exceptions.SSLError as error:
            raise ServerError(
                f"{_origin(url)}: the certificate is not trusted: {_reason(error)}"
            ) from error
        except requests.exceptions.Timeout as error:
            raise _Temporary(
                Unavailable(f"{_origin(url)}: no response within {limit:g} seconds")
            ) from error
        except (
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise _Temporary(
                BrokenResponse(f"{url}: the response was cut off: {_reason(error)}")
            ) from error
        except requests.exceptions.ConnectionError as error:
            raise _Temporary(
                Unavailable(f"{_origin(url)}: no connection: {_reason(error)}")
            ) from error
        except requests.exceptions.RequestException as error:
            raise ServerError(f"{url}: {_reason(error)}") from error
        try:
            return json.loads(body)
        except ValueError as error:
            raise _Temporary(
                BrokenResponse(
                    f"{url}: the response is not JSON, or was cut off: {error}"
                )
            ) from error


def _backoff(error: Exception) -> bool | float:
    """Whether to retry, or how long the server asks to wait before that."""
    if not isinstance(error, _Temporary):
        return False
    return True if error.wait is None else error.wait


class _Temporary(Exception):
    """An error that may go away. `final` is raised if it does not; `wait` is the pause that the server asked for."""

    def __init__(self, final: ServerError, wait: float | None = None) -> None:
        super().__init__(str(final))
        self.final = final
        self.wait = wait


def _check_status(response: requests.Response, url: str) -> None:
    status = response.status_code
    if status == 200:
        return
    if 300 <= status < 400:
        place = response.headers.get("Location", "elsewhere")
        raise ServerError(
            f"{url}: the server redirects to {place}; use that as CTIBUTLER_BASE_URL"
        )
    said = _said(response)
    if status == 401:
        raise Unauthorized(
            f"{_origin(url)}: authentication failed (401): set CTIBUTLER_API_KEY to a valid key{said}"
        )
    if status == 403:
        raise Forbidden(
            f"{url}: access denied (403): the API key may not read this{said}"
        )
    if status == 404:
        raise NotFound(f"{url}: not found (404){said}")
    if status == 429:
        raise _Temporary(
            Unavailable(f"{_origin(url)}: too many requests (429){said}"),
            _retry_after(response),
        )
    if status >= 500:
        raise _Temporary(
            Unavailable(f"{url}: the server failed ({status}){said}"),
            _retry_after(response),
        )
    raise ServerError(f"{url}: the server refused the request ({status}){said}")


def _said(response: requests.Response) -> str:
    """What the server says about the error, shortened."""
    try:
        body = next(response.iter_content(2000), b"")
        details = json.loads(body).get("details")
        text = details.get("error") if isinstance(details, dict) else details
    except (ValueError, AttributeError, requests.exceptions.RequestException):
        return ""
    return f": {str(text)[:200]}" if text else ""


def _retry_after(response: requests.Response) -> float | None:
    """The pause that the server asks for, in seconds or as a date, up to the longest pause."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdigit():
        return min(float(value), LONGEST_PAUSE)
    try:
        return min(
            max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0),
            LONGEST_PAUSE,
        )
    except (TypeError, ValueError):
        return None


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("the response does not end")
    return bytes(body)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _reason(error: BaseException) -> str:
    """The innermost error of a chain."""
    inner: Any = error
    while True:
        deeper = (
            getattr(inner, "reason", None)
            or inner.__cause__
            or next(
                (
                    argument
                    for argument in inner.args
                    if isinstance(argument, BaseException)
                ),
                None,
            )
        )
        if not isinstance(deeper, BaseException):
            return f"{type(inner).__name__}: {inner}"
        inner = deeper
