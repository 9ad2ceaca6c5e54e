"""Addresses on the web, apart from the secrets in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

import httpx2

from ctibutler.errors import InvalidRequest

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class WebAddress:
    """An http or https URL. Its name and password, its query and its fragment are never shown: they may be keys.

    `str(address)` is for people.
    """

    shown: str
    _query: bytes = field(default=b"", repr=False)
    _login: tuple[str, str] | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()
    """The only hosts that a redirect may lead to, with the port where it is not the scheme's own; empty: any host."""
    setting: str = ""
    """The setting that the address came from, where it did."""
    _stand_in: WebAddress | None = field(default=None, repr=False)
    _stands_for: frozenset[str] = frozenset()
    """The hosts whose place the stand-in takes in redirects."""

    @classmethod
    def parse(cls, text: str, setting: str) -> WebAddress:
        """Reads the URL in a setting. Raises InvalidRequest, naming the setting and not the URL."""
        try:
            url = httpx2.URL(text.strip())
        except httpx2.InvalidURL:
            raise InvalidRequest.of(setting, "This is no URL.") from None  # the reason may quote a password
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise InvalidRequest.of(setting, "This is neither a folder nor an http or https URL with a host.")
        login = (url.username, url.password) if url.userinfo else None
        return cls(without_secrets(url), url.query, login, setting=setting)

    def __str__(self) -> str:
        return self.shown

    def below(self, *parts: str) -> WebAddress:
        """The address of a file below this one."""
        path = "/".join(quote(part, safe="") for part in parts)
        return replace(self, shown=f"{self.shown.rstrip('/')}/{path}")

    @classmethod
    def at_hosts(cls, url: str, hosts: frozenset[str]) -> WebAddress:
        """The address of a URL of ours, without secrets, whose redirects stay at these hosts."""
        parts = urlsplit(url)
        return cls(url.partition("?")[0], parts.query.encode(), hosts=hosts)

    def standing_for(self, url: str, hosts: frozenset[str] = frozenset()) -> WebAddress:
        """Where this address answers for another URL: the URL's host becomes the first part of the path.

        It also answers for redirects to these hosts.
        """
        parts = urlsplit(url)
        query = b"&".join(part for part in (parts.query.encode(), self._query) if part)
        return replace(
            self,
            shown=f"{self.shown.rstrip('/')}/{parts.netloc}{parts.path}",
            _query=query,
            hosts=frozenset({_host_and_port(httpx2.URL(self.shown))}),
            _stand_in=self,
            _stands_for=hosts,
        )

    def redirected(self, url: httpx2.URL) -> httpx2.URL:
        """Where to ask for a URL that a redirect leads to: at the stand-in, if it answers for the URL's host."""
        if self._stand_in is None or url.scheme != "https" or _host_and_port(url) not in self._stands_for:
            return url
        return self._stand_in.standing_for(str(url)).url

    @property
    def has_secrets(self) -> bool:
        """Whether there is more to it than is shown."""
        return bool(self._login or self._query)

    @property
    def url(self) -> httpx2.URL:
        """What to ask for, without name and password."""
        url = httpx2.URL(self.shown)
        return url.copy_with(query=self._query) if self._query else url

    def may_lead_to(self, url: httpx2.URL) -> bool:
        """Whether a redirect to this URL may be followed. Another port of the same host is another server."""
        return not self.hosts or _host_and_port(url) in self.hosts

    def login_at(self, url: httpx2.URL) -> httpx2.Auth | None:
        """Name and password for this URL, which a redirect may have led to: for the same server only."""
        same_server = _server(url) == _server(httpx2.URL(self.shown))
        return httpx2.BasicAuth(*self._login) if self._login and same_server else None


def without_secrets(url: httpx2.URL) -> str:
    """The URL for people: no name and password, query or fragment."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _host_and_port(url: httpx2.URL) -> str:
    # The port is left out where it is the scheme's own.
    return url.netloc.decode("ascii")


def _server(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme)
