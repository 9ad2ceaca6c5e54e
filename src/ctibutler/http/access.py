"""Access: who may read, and who may change something."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ctibutler.catalog import access as catalog
from ctibutler.catalog import sign_ins
from ctibutler.catalog.access import Key as Key
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import Forbidden, InvalidRequest, NotAllowed, Unauthorized
from ctibutler.settings import AccessMode, Settings, is_loopback
from ctibutler.stix.times import now

SIGN_IN_SECONDS = sign_ins.IDLE_SECONDS
"""How long a sign-in lasts without use."""

Right = Literal["open", "read", "write"]
"""What a request needs: nothing, the right to read, or the right to change something."""

# `Token` is what taxii2-client and Django REST Framework's clients send.
_SCHEMES = ("bearer", "token")

_BY_PROXIES = frozenset(
    {
        "forwarded",
        "via",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-host",
        "x-original-url",
        "x-envoy-external-address",
        "x-azure-clientip",
        "true-client-ip",
        "fastly-client-ip",
        "cf-connecting-ip",
        "cf-ray",
        "cdn-loop",
    }
)
"""Headers that proxies and content delivery networks add, beside the `X-Forwarded-…` ones. A proxy that adds none, as nginx's
bare `proxy_pass` does, cannot be told from a client on this machine."""

# A name, an IPv4 address, or an IPv6 address in brackets; then a port.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/@]+)(:[0-9]{0,5})?")


@dataclass(frozen=True)
class Rules:
    """What a server requires. `only_local`: changes are open because only this machine can reach it."""

    reading_needs_key: bool
    changing: Literal["open", "key", "never"]
    only_local: bool = False

    @classmethod
    def of(cls, mode: AccessMode, on_loopback: bool) -> Rules:
        """Return the rules of a mode for a server on this address."""
        if mode == "auto":
            return cls(False, "open", only_local=True) if on_loopback else cls(True, "key")
        return {
            "read-open": cls(False, "key"),
            "keys": cls(True, "key"),
            "read-only": cls(False, "never"),
            "open": cls(False, "open"),
        }[mode]


@dataclass(frozen=True)
class Client:
    """What a request says about its sender: the key, the host name that it used, the page that it comes from, a proxy.

    At edges with sign-ins, `signed_in` is the secret that a browser has of one, and `renewal` the `Set-Cookie` that lets the
    browser keep it for longer.
    """

    key: str | None
    host: str
    origin: str | None
    fetch_site: str | None
    is_forwarded: bool
    signed_in: str | None = None
    renewal: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Client:
        """Read it from a request's headers, their names in lower case."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        authorized = credentials.strip() if scheme.lower() in _SCHEMES else ""
        return cls(
            key=headers.get("api-key", "").strip() or authorized or None,
            host=headers.get("host", ""),
            origin=headers.get("origin"),
            fetch_site=headers.get("sec-fetch-site"),
            is_forwarded=any(name in _BY_PROXIES or name.startswith("x-forwarded-") for name in headers),
        )

    @property
    def is_other_origin(self) -> bool:
        """Whether a browser sent this for a page of another site."""
        if self.fetch_site is not None:
            return self.fetch_site.strip().lower() not in ("same-origin", "none")
        return self.origin is not None and self.origin.partition("://")[2].lower() != self.host.lower()

    @property
    def names_loopback(self) -> bool:
        """Whether the host name means this machine. A page of another site can point its own name at 127.0.0.1."""
        return is_loopback(_without_port(self.host))


def needs_key_lookup(rules: Rules, right: Right, client: Client) -> bool:
    """Whether the decision depends on the key that was presented."""
    if client.signed_in is not None and right != "open":
        return True
    if client.key is None or right == "open":
        return False
    return rules.reading_needs_key or right == "write" or (rules.only_local and client.is_forwarded)


def authorize(rules: Rules, right: Right, client: Client, key: Key | None) -> None:
    """Decide whether a request may pass. `key` is the valid key that it presented, if any.

    Raises Unauthorized, Forbidden, NotAllowed.
    """
    if right == "open":
        return
    if right == "write" and rules.changing == "never":
        raise NotAllowed("this server is read only")
    if rules.only_local and client.is_forwarded:
        # It came through a proxy on this machine: from anywhere.
        rules = Rules(True, "key")
    needs_key = rules.changing == "key" if right == "write" else rules.reading_needs_key
    if needs_key and key is None:
        raise Unauthorized("this needs a key" if client.key is None else "this key is not known here")
    if right != "write" or (key is not None and key.can_write):
        return
    if needs_key:
        raise Forbidden("this key may read, but not change anything")
    if client.is_other_origin:
        raise Forbidden("a page of another origin cannot change anything here without a key")
    if rules.only_local and not client.names_loopback:
        raise Forbidden("changes are open under the names of this machine only, such as 127.0.0.1 or localhost")


@dataclass(frozen=True)
class AccessRule:
    """How an edge finds out who asks (`identify`, from the headers), and decides whether they may (`authorize`)."""

    identify: Callable[[Mapping[str, str]], Client] = Client.of
    authorize: Callable[[Rules, Right, Client, Key | None], None] = authorize


DEFAULT_ACCESS = AccessRule()


def refuse_to_start_without_key(settings: Settings, database: Database) -> None:
    """By default, other machines need a key: without any key, this server would answer nobody.

    Raises InvalidRequest that says what to do.
    """
    if settings.access == "auto" and not settings.listens_on_loopback and not catalog.keys(database):
        raise InvalidRequest(
            f"{settings.host} can be reached from other machines, and there is no key yet: make one with"
            " `ctibutler keys add NAME --write`, or say who may do what with CTIBUTLER_ACCESS"
            " (read-open, keys, read-only or open), or listen on 127.0.0.1"
        )


def key_presented(database: Database, presented: str) -> Key | None:
    """Return the key that somebody presents, or None if we do not know it."""
    return catalog.check(database, presented)


def sign_in(database: Database, key: Key) -> str:
    """Begin a sign-in with a key, and return its secret.

    Raises StoreUnavailable if nothing can be written.
    """
    return sign_ins.add(database, key, now())


def sign_out(database: Database, secret: str) -> None:
    """End a sign-in, for every server of this database.

    Raises StoreUnavailable if nothing can be written.
    """
    sign_ins.end(database, secret)


def in_words(settings: Settings) -> str:
    """Who may do what, as a server says it at its start."""
    rules = Rules.of(settings.access, settings.listens_on_loopback)
    if rules.only_local:
        return "open to this machine, changes included; behind a proxy, set CTIBUTLER_ACCESS=keys"
    reading = "everything needs a key" if rules.reading_needs_key else "anyone may read"
    changing = {"key": "changes need a key", "never": "nobody may make changes", "open": "anyone may make changes"}
    return reading if rules.reading_needs_key else f"{reading}, {changing[rules.changing]}"


def missing_key(settings: Settings, database: Database) -> str | None:
    """What to do where every request needs a key and there is none; None where there is nothing to do."""
    rules = Rules.of(settings.access, settings.listens_on_loopback)
    if not rules.reading_needs_key or catalog.keys(database):
        return None
    return "there is no key yet, and everything needs one: make one with `ctibutler keys add NAME --write`"


def _without_port(host: str) -> str:
    """The name or address in a `Host` header; empty if the header is not of that form."""
    match = _HOST.fullmatch(host)
    return match[1] if match is not None else ""
