"""URLs, with the secrets in them kept apart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from ctibutler.errors import InvalidRequest
from ctibutler.settings import without_secrets

if TYPE_CHECKING:
    import httpx2

# httpx2 is imported late: it takes a tenth of a second, and an import from a folder does without.

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class WebAddress:
    """An http or https URL whose secrets are never shown: user name, password, query and fragment may be keys.

    `str(address)` is the URL without them, for messages.
    """

    shown: str
    _query: bytes = field(default=b"", repr=False)
    _login: tuple[str, str] | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()
    """The only hosts that a redirect may lead to, with the port where it is not the scheme's own; empty: any host."""
    setting: str = ""
    """The setting that the URL was read from; empty if it was not."""
    _stand_in: WebAddress | None = field(default=None, repr=False)
    _stands_for: frozenset[str] = frozenset()
    """The hosts that the mirror replaces in redirects."""

    @classmethod
    def parse(cls, text: str, setting: str) -> WebAddress:
        """Parse the URL in a setting. Raises InvalidRequest, which names the setting but does not quote the URL."""
        import httpx2

        try:
            url = httpx2.URL(text.strip())
        except httpx2.InvalidURL:
            raise InvalidRequest.of(setting, "This is not a URL.") from None  # the error may quote a password
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise InvalidRequest.of(setting, "Expected a folder, or an http or https URL with a host.")
        login = (url.username, url.password) if url.userinfo else None
        return cls(without_secrets(str(url)), url.query, login, setting=setting)

    def __str__(self) -> str:
        return self.shown

    def below(self, *parts: str) -> WebAddress:
        """The address of a file under this one."""
        path = "/".join(quote(part, safe="") for part in parts)
        return replace(self, shown=f"{self.shown.rstrip('/')}/{path}")

    @classmethod
    def at_hosts(cls, url: str, hosts: frozenset[str]) -> WebAddress:
        """The address of a URL that holds no secrets, with redirects limited to these hosts."""
        parts = urlsplit(url)
        return cls(url.partition("?")[0], parts.query.encode(), hosts=hosts)

    def standing_for(self, url: str, hosts: frozenset[str] = frozenset()) -> WebAddress:
        """Where a mirror at this address has another URL: the URL's host becomes the first part of the path.

        The mirror also replaces these hosts in redirects.
        """
        import httpx2

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
        """The URL to request for the target of a redirect: at the mirror, if it replaces the target's host."""
        if self._stand_in is None or url.scheme != "https" or _host_and_port(url) not in self._stands_for:
            return url
        return self._stand_in.standing_for(str(url)).url

    @property
    def has_secrets(self) -> bool:
        """Whether the URL has parts that are not shown."""
        return bool(self._login or self._query)

    @property
    def url(self) -> httpx2.URL:
        """The URL to request, without user name and password."""
        import httpx2

        url = httpx2.URL(self.shown)
        return url.copy_with(query=self._query) if self._query else url

    def may_lead_to(self, url: httpx2.URL) -> bool:
        """Whether a redirect to this URL may be followed. Another port of the same host is another server."""
        return not self.hosts or _host_and_port(url) in self.hosts

    def login_at(self, url: httpx2.URL) -> httpx2.Auth | None:
        """The credentials for this URL, which may be the target of a redirect: only the original server gets them."""
        import httpx2

        same_server = _server(url) == _server(httpx2.URL(self.shown))
        return httpx2.BasicAuth(*self._login) if self._login and same_server else None


def _host_and_port(url: httpx2.URL) -> str:
    # The port is left out where it is the scheme's own.
    return url.netloc.decode("ascii")


def _server(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme)
