"""The layer that checks access: it looks up the key that the request presents, and applies the rule of its edge."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.types import Receive, Send

from ctibutler.catalog import access as catalog
from ctibutler.catalog.access import Key
from ctibutler.catalog.engine.database import Database
from ctibutler.errors import Problem
from ctibutler.http.access import Rules, needs_key_lookup
from ctibutler.http.requests import App, Request
from ctibutler.http.states import States
from ctibutler.settings import Settings

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
        self._recorded: dict[str, float] = {}
        self._tasks: set[asyncio.Future[None]] = set()

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises Unauthorized, Forbidden, NotAllowed, StoreUnavailable.
        """
        rules, policy = self._rules, request.policy
        client = policy.access.identify(request.headers)
        key = None
        if needs_key_lookup(rules, policy.right, client):
            known = (await self._states.of(request)).keys
            if client.key is not None:
                key = catalog.matching(known, client.key)
            elif client.signed_in is not None and policy.access.recognise is not None:
                key = policy.access.recognise(client.signed_in, known)
                request.is_signed_in = key is not None
        policy.access.authorize(rules, policy.right, client, key)
        request.is_private = rules.reading_needs_key or (rules.only_local and client.is_forwarded)
        if key is not None:
            request.key = key
            self.record_use(key)
        await self._app(request, receive, send)

    def record_use(self, key: Key) -> None:
        """Record that a key was used, now and then."""
        moment = time.monotonic()
        if moment - self._recorded.get(key.name, -RECORD_USE_EVERY) < RECORD_USE_EVERY:
            return
        self._recorded[key.name] = moment
        # Not before the answer: on SQLite this waits while an import is being written.
        task = asyncio.get_running_loop().run_in_executor(None, self._write_use, key.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write_use(self, name: str) -> None:
        try:
            catalog.used(self._database, name)
        except Problem as problem:
            logger.warning("the last use of key %s could not be recorded: %s", name, problem)
