"""A real browser, a real server with one release, and a page of another origin."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from ctibutler.app import create_app
from ctibutler.catalog.opening import open_catalogue
from ctibutler.cli.processes.listen import listen
from ctibutler.importing.releases import import_release
from ctibutler.knowledge_bases import HOSTED
from ctibutler.knowledge_bases.links import LINK_MODES
from ctibutler.knowledge_bases.release_files import ReleaseFile
from ctibutler.publishers.sources import built_in
from tests.catalogue import filled, releases_on
from tests.configured import settings_with
from tests.server.serving import running

# The browser itself must not use the network.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a browser come last: it keeps a loop running in the thread of all tests."""
    here = Path(__file__).parent
    items.sort(key=lambda item: here in item.path.parents)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CTIBUTLER_TEST_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium (scripts/services chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def base() -> Iterator[str]:
    """Base URL of a server with every release of the smaller knowledge bases and several of the larger ones."""
    links = tuple(mode.name for mode in LINK_MODES)
    with (
        filled("sqlite", releases_on("sqlite"), links=links, what="everything") as library,
        running(library.database) as server,
    ):
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Base URL of a loopback server with TLP 1 and 2, run as `ctibutler up` does: this machine may make changes."""
    settings = settings_with(data_dir=tmp_path, bucket="")
    database = open_catalogue(settings.url, HOSTED)
    for label in ("1", "2"):
        content = built_in.bundle("tlp", label)
        import_release(
            database,
            HOSTED.named("tlp"),
            ReleaseFile.of_bundle("tlp", label, content, source="built-in", location="", file_name=f"tlp-{label}"),
        )
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        started = uvicorn.Server(uvicorn.Config(create_app(settings, database=database), log_level="warning"))
        thread = threading.Thread(target=started.run, kwargs={"sockets": [listening]})
        thread.start()
        while not started.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        started.should_exit = True
        thread.join()
    database.close()


@pytest.fixture
def other_origin(tmp_path: Path) -> Iterator[str]:
    """Base URL of somebody else's web server, with one empty page."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>another origin</title><body></body>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


def state(server: str) -> tuple[list[str], int]:
    """The installed releases of TLP and the number of jobs, either of which a change would alter."""
    versions = httpx2.get(f"{server}/api/v1/tlp/versions/installed/").json()["versions"]
    jobs = httpx2.get(f"{server}/api/v1/jobs/").json()["total_results_count"]
    return versions, jobs
