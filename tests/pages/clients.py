"""A browser without a browser, for tests of forms, cookies and access; and servers for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from ctibutler.catalog.engine.database import Database
from ctibutler.settings import Settings
from tests.pages.conftest import BROWSER
from tests.server.serving import Server, running

OPENED: list[httpx2.Client] = []


class Browser:
    """A browser with its cookies, as far as pages need one."""

    def __init__(self, server: Server) -> None:
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers={"accept": BROWSER})
        OPENED.append(self.client)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Open an address."""
        return self.client.get(path, headers=headers)

    def send(self, path: str, form: dict[str, str], **headers: str) -> httpx2.Response:
        """Send a form from a page of this server, unless the headers say something else."""
        sent = {"sec-fetch-site": "same-origin", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.client.post(path, data=form, headers=sent)

    def token(self, path: str = "/data") -> str:
        """The token in the forms of a page."""
        found = re.search(r'name="token" value="(\w+)"', self.get(path).text)
        return found[1] if found else ""

    def sign_in(self, key: str, **more: str) -> httpx2.Response:
        """Sign in with a key."""
        return self.send("/sign-in", {"key": key, **more})


@contextmanager
def serving(database: Database, tmp_path: Path, **settings: Any) -> Iterator[Server]:
    """A server with these settings. The browsers that were opened meanwhile are closed at the end."""
    with running(database, Settings(**{"host": "127.0.0.1", "data_dir": tmp_path / "data", **settings})) as server:
        yield server
        while OPENED:
            OPENED.pop().close()
