"""The layer that checks access: it finds out which key a request presents, or is signed in with, and applies the rule of its
edge."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.types import Receive, Send

from ctibutler.catalog import access as catalog
from ctibutler.catalog import sign_ins
from ctibutler.catalog.access import Key
from ctibutler.catalog.engine.database import GLANCES, Database
from ctibutler.catalog.sign_ins import SignIn
from ctibutler.errors import Problem
from ctibutler.http.access import Rules, needs_key_lookup
from ctibutler.http.requests import App, Request
from ctibutler.http.states import States
from ctibutler.settings import Settings
from ctibutler.stix.times import now

# A key's last use is recorded at most this often, in seconds, not with every request.
RECORD_USE_EVERY = 3600.0

logger = logging.getLogger("ctibutler.api")


class Authentication:
    """Passes on requests that are allowed."""

    def __init__(self, app: App, settings: Settings, database: Database, states: States) -> None:
        self._app = app
        self._rules = Rules.of(settings.access, settings.listens_on_loopback)
        self._database = database
        self._states = states
        # Threads of their own: looking up a sign-in never waits for questions, or for uses that are being recorded.
        self._lookups = ThreadPoolExecutor(GLANCES, "sign-in")
        self._recorded: dict[str, float] = {}
        self._warned = -RECORD_USE_EVERY
        self._tasks: set[asyncio.Future[None]] = set()

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises Unauthorized, Forbidden, NotAllowed, StoreUnavailable.
        """
        rules, policy = self._rules, request.policy
        client = policy.access.identify(request.headers)
        key = None
        if needs_key_lookup(rules, policy.right, client):
            if client.key is not None:
                key = catalog.matching((await self._states.of(request)).keys, client.key)
            elif client.signed_in is not None:
                key = await self._key_of_sign_in(request, client.signed_in, client.renewal)
        policy.access.authorize(rules, policy.right, client, key)
        is_from_elsewhere = rules.only_local and client.is_forwarded
        request.is_private = rules.reading_needs_key or is_from_elsewhere or request.is_signed_in
        if key is not None:
            request.key = key
            self.record_use(key)
        await self._app(request, receive, send)

    async def _key_of_sign_in(self, request: Request, secret: str, renewal: str) -> Key | None:
        """The key that a sign-in stands for, if it has not ended. Its use is recorded, and the browser told to keep it."""
        moment = now()
        find = partial(sign_ins.find, self._database, secret, moment)
        found = await asyncio.get_running_loop().run_in_executor(self._lookups, find)
        if found is None:
            return None
        request.is_signed_in = True
        if found.is_due(moment):
            request.answer_headers.append((b"set-cookie", renewal.encode("latin-1")))
            self._record_use_of(found, moment)
        return found.key

    def record_use(self, key: Key) -> None:
        """Record that a key was used, now and then."""
        self._now_and_then(f"key {key.name}", RECORD_USE_EVERY, partial(catalog.used, self._database, key.name))

    def _record_use_of(self, sign_in: SignIn, moment: int) -> None:
        what = f"sign-in {sign_in.hash[:8]} with key {sign_in.key.name}"
        self._now_and_then(what, sign_ins.RECORD_USE_EVERY, partial(sign_ins.used, self._database, sign_in, moment))

    def _now_and_then(self, what: str, seconds: float, write: Callable[[], None]) -> None:
        moment = time.monotonic()
        if moment - self._recorded.get(what, -seconds) < seconds:
            return
        self._recorded = {it: at for it, at in self._recorded.items() if moment - at < RECORD_USE_EVERY}
        self._recorded[what] = moment
        # Not before the answer: on SQLite this waits while an import is being written.
        task = asyncio.get_running_loop().run_in_executor(None, self._write_use, what, write)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_use(self, what: str, write: Callable[[], None]) -> None:
        try:
            write()
        except Problem as problem:
            moment = time.monotonic()
            # Of a database that stays as it is, once in a while is enough.
            if moment - self._warned >= RECORD_USE_EVERY:
                self._warned = moment
                logger.warning("the last use of %s could not be recorded: %s", what, problem)
