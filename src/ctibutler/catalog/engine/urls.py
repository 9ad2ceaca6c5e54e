"""The URL of a database."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ctibutler.catalog.engine.dialect import Engine
from ctibutler.errors import InvalidRequest

_SETTING = "CTIBUTLER_DATABASE_URL"
_FORM = re.compile(r"(?P<scheme>[\w+]+)://(?P<server>[^/?]*)(?:/(?P<name>[^?]*))?(?P<query>\?.*)?", re.DOTALL)
_PASSWORD = re.compile(r":.*(?=@)", re.DOTALL)
_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(:[0-9]*)?")
# libpq's parameters that are worth showing; the value of any other may be a secret.
_SHOWN = frozenset(
    (
        "application_name",
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "gssencmode",
        "host",
        "hostaddr",
        "port",
        "sslmode",
        "target_session_attrs",
        "user",
    )
)


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where a database is. `name` is the path of SQLite's file, or the name of the database on the server.

    `str()` is for people and has no password; `text` has it.
    """

    engine: Engine
    scheme: str
    server: str
    name: str
    query: str

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        """Read `sqlite:////var/lib/ctibutler.sqlite` or `postgresql://user:password@host:5432/name`.

        Raises InvalidRequest.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise InvalidRequest(
                f"{_SETTING}: expected a URL such as sqlite:////var/lib/ctibutler.sqlite or postgresql://USER@HOST/NAME"
            )
        backend = match["scheme"].partition("+")[0]
        name = match["name"] or ""
        if backend == "sqlite":
            if match["server"] or name in ("", ":memory:"):
                raise InvalidRequest(f"{_SETTING}: SQLite needs a file, as in sqlite:////var/lib/ctibutler.sqlite")
            return cls("sqlite", match["scheme"], "", name, match["query"] or "")
        if backend in ("postgresql", "postgres"):
            _refuse_cut_password(match["server"], name)
            return cls("postgresql", match["scheme"], match["server"], name, match["query"] or "")
        raise InvalidRequest(f"{_SETTING}: `{backend}` is neither sqlite nor postgresql")

    @property
    def text(self) -> str:
        """The whole URL, with its password."""
        return f"{self.scheme}://{self.server}/{self.name}{self.query}"

    def __str__(self) -> str:
        server = _PASSWORD.sub(":***", self.server)
        parts = "&".join(map(_shown, self.query[1:].split("&")))
        return f"{self.scheme}://{server}/{self.name}" + (f"?{parts}" if self.query else "")

    def with_name(self, name: str) -> DatabaseUrl:
        """Return the URL of another database on the same server."""
        return replace(self, name=name)

    @property
    def for_libpq(self) -> str:
        """The URL without the name of a driver, which older configurations may have (`postgresql+psycopg://`)."""
        return replace(self, scheme="postgresql").text


def _refuse_cut_password(server: str, name: str) -> None:
    """Find a password that was cut at a `/`, `?` or `#`, before a message quotes what is left of it.

    Raises InvalidRequest.
    """
    hosts = server.rpartition("@")[2]
    if "#" in server or "@" in name or not all(_PORT.fullmatch(host) for host in hosts.split(",")):
        raise InvalidRequest(
            f"{_SETTING}: this is not postgresql://USER:PASSWORD@HOST:PORT/NAME; write `/`, `?`, `#` and `@` in a"
            " password as %2F, %3F, %23 and %40"
        )


def _shown(parameter: str) -> str:
    """A parameter of a query for people."""
    name, is_set, _ = parameter.partition("=")
    if not is_set:
        return "***"
    return parameter if name in _SHOWN else f"{name}=***"
