"""The URL of a database."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ctibutler.catalog.engine.dialect import Engine
from ctibutler.errors import InvalidRequest

_SETTING = "CTIBUTLER_DATABASE_URL"
_FORM = re.compile(r"(?P<scheme>[\w+]+)://(?P<server>[^/?]*)(?:/(?P<name>[^?]*))?(?P<query>\?.*)?", re.DOTALL)
_PASSWORD = re.compile(r":.*(?=@)", re.DOTALL)
_PASSWORD_PARAMETER = re.compile(r"(?<=password=)[^&]*", re.IGNORECASE)


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
            raise InvalidRequest(f"{_SETTING}: expected a URL such as sqlite:////var/lib/ctibutler.sqlite")
        backend = match["scheme"].partition("+")[0]
        name = match["name"] or ""
        if backend == "sqlite":
            if match["server"] or name in ("", ":memory:"):
                raise InvalidRequest(f"{_SETTING}: SQLite needs a file, as in sqlite:////var/lib/ctibutler.sqlite")
            return cls("sqlite", match["scheme"], "", name, match["query"] or "")
        if backend == "postgresql":
            return cls("postgresql", match["scheme"], match["server"], name, match["query"] or "")
        raise InvalidRequest(f"{_SETTING}: `{backend}` is neither sqlite nor postgresql")

    @property
    def text(self) -> str:
        """The whole URL, with its password."""
        return f"{self.scheme}://{self.server}/{self.name}{self.query}"

    def __str__(self) -> str:
        server = _PASSWORD.sub(":***", self.server)
        query = _PASSWORD_PARAMETER.sub("***", self.query)
        return f"{self.scheme}://{server}/{self.name}{query}"

    def with_name(self, name: str) -> DatabaseUrl:
        """Return the URL of another database on the same server."""
        return replace(self, name=name)

    @property
    def for_libpq(self) -> str:
        """The URL without the name of a driver, which older configurations may have (`postgresql+psycopg://`)."""
        return replace(self, scheme="postgresql").text
