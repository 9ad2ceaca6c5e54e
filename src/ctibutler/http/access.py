"""Who may read and who may change something."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp, Receive, Scope, Send

from ctibutler.catalog import access as catalog
from ctibutler.catalog.access import Key
from ctibutler.catalog.engine.database import Database
from ctibutler.catalog.state import Watch
from ctibutler.errors import Forbidden, InvalidRequest, NotAllowed, Problem, Unauthorized
from ctibutler.http.cache import look
from ctibutler.http.context import visit_of
from ctibutler.http.routing import Right
from ctibutler.settings import AccessMode, Settings, is_loopback

# A key's last use is written down at most this often, in seconds: not with every request.
USE_IS_NOTED_EVERY = 3600.0
_BEARER = "bearer "

logger = logging.getLogger("ctibutler.api")


@dataclass(frozen=True)
class Rules:
    """What a server asks for. `only_local`: changes are open because only this machine can reach it."""

    reading_needs_key: bool
    changing: Literal["open", "key", "never"]
    only_local: bool = False

    @classmethod
    def of(cls, mode: AccessMode, on_loopback: bool) -> Rules:
        """The rules of a mode on an address."""
        if mode == "auto":
            return cls(False, "open", only_local=True) if on_loopback else cls(True, "key")
        return {
            "read-open": cls(False, "key"),
            "keys": cls(True, "key"),
            "read-only": cls(False, "never"),
            "open": cls(False, "open"),
        }[mode]


@dataclass(frozen=True)
class Asker:
    """What a request says of who sends it: the key, the name it calls us by, the page it comes from, a proxy."""

    key: str | None
    host: str
    origin: str | None
    fetch_site: str | None
    is_forwarded: bool

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Asker:
        """Read it from a request's headers, their names in lower case."""
        authorization = headers.get("authorization", "")
        bearer = authorization[len(_BEARER) :] if authorization.lower().startswith(_BEARER) else ""
        return cls(
            key=headers.get("api-key", "").strip() or bearer.strip() or None,
            host=headers.get("host", ""),
            origin=headers.get("origin"),
            fetch_site=headers.get("sec-fetch-site"),
            is_forwarded=any(name in ("forwarded", "via") or name.startswith("x-forwarded-") for name in headers),
        )

    @property
    def is_other_origin(self) -> bool:
        """Whether a browser sends this for a page that is not ours."""
        if self.fetch_site is not None:
            return self.fetch_site.strip().lower() not in ("same-origin", "none")
        return self.origin is not None and self.origin.partition("://")[2].lower() != self.host.lower()

    @property
    def names_loopback(self) -> bool:
        """Whether it calls us by a name that means this machine. A page can point its own name at 127.0.0.1."""
        return is_loopback(_without_port(self.host))


def needs_look(rules: Rules, right: Right, asker: Asker) -> bool:
    """Whether it matters which key was presented."""
    if asker.key is None or right == "open":
        return False
    return rules.reading_needs_key or right == "write" or (rules.only_local and asker.is_forwarded)


def judge(rules: Rules, right: Right, asker: Asker, key: Key | None) -> None:
    """Let a request pass, or not. `key` is the valid key that it presented, if any.

    Raises Unauthorized, Forbidden, NotAllowed.
    """
    if right == "open":
        return
    if right == "write" and rules.changing == "never":
        raise NotAllowed("this server is read only")
    if rules.only_local and asker.is_forwarded:
        # It came through a proxy on this machine: from anywhere.
        rules = Rules(True, "key")
    needs_key = rules.changing == "key" if right == "write" else rules.reading_needs_key
    if needs_key and key is None:
        raise Unauthorized("this needs a key" if asker.key is None else "this key is not known here")
    if right != "write" or (key is not None and key.can_write):
        return
    if needs_key:
        raise Forbidden("this key may read, but not change anything")
    if asker.is_other_origin:
        raise Forbidden("a page of another origin cannot change anything here without a key")
    if rules.only_local and not asker.names_loopback:
        raise Forbidden("changes are open under the names of this machine only, such as 127.0.0.1 or localhost")


def refuse_to_start_without_key(settings: Settings, database: Database) -> None:
    """Other machines may reach this server by default only with a key: without any it would answer nobody.

    Raises InvalidRequest, which says what to do.
    """
    if settings.access == "auto" and not settings.listens_on_loopback and not catalog.keys(database):
        raise InvalidRequest(
            f"{settings.host} can be reached from other machines, and there is no key yet: make one with"
            " `ctibutler keys add NAME --write`, or say who may do what with CTIBUTLER_ACCESS"
            " (read-open, keys, read-only or open), or listen on 127.0.0.1"
        )


class Gate:
    """Lets requests pass that may."""

    def __init__(self, app: ASGIApp, settings: Settings, database: Database, watch: Watch) -> None:
        self._app = app
        self._rules = Rules.of(settings.access, settings.listens_on_loopback)
        self._database = database
        self._watch = watch
        self._noted: dict[str, float] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise the problem with it."""
        if scope["type"] == "http":
            visit = visit_of(scope)
            right = visit.route.endpoint.right
            asker = Asker.of(visit.headers)
            key = None
            if needs_look(self._rules, right, asker):
                key = catalog.matching((await look(self._watch, visit)).keys, asker.key or "")
            judge(self._rules, right, asker, key)
            visit.is_private = self._rules.reading_needs_key or (self._rules.only_local and asker.is_forwarded)
            if key is not None:
                self._note_use(key)
        await self._app(scope, receive, send)

    def _note_use(self, key: Key) -> None:
        moment = time.monotonic()
        if moment - self._noted.get(key.name, -USE_IS_NOTED_EVERY) < USE_IS_NOTED_EVERY:
            return
        self._noted[key.name] = moment
        # Beside the answer: on SQLite this waits while an import is being written.
        task = asyncio.get_running_loop().run_in_executor(None, self._write_use, key.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_use(self, name: str) -> None:
        try:
            catalog.used(self._database, name)
        except Problem as problem:
            logger.warning("the last use of key %s could not be noted: %s", name, problem)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
