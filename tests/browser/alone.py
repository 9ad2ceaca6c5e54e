"""Serves a catalogue and opens pages of it in one process, which may run where there is no network: see `test_alone`.

    python -m tests.browser.alone URL CHROMIUM PATH…

It prints a JSON object: the interfaces that it sees, whether an address outside can be reached, and what each page did.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from tests.browser.conftest import QUIET
from tests.server.serving import running

# An address for documentation (RFC 5737), which nobody has.
OUTSIDE = ("192.0.2.1", 80)


def reaches_outside() -> bool:
    """Whether the system would send a packet to another machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(OUTSIDE)
        except OSError:
            return False
    return True


@contextmanager
def _heard(page: Page) -> Iterator[list[str]]:
    """What fails on a page, or is said on its console."""
    told: list[str] = []
    page.on("requestfailed", lambda request: told.append(f"failed: {request.url}"))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    yield told


def opened(page: Page, base: str, path: str) -> dict[str, Any]:
    """Open a page and return its status, its words, how many style sheets and scripts it has, and what went wrong."""
    with _heard(page) as told:
        answer = page.goto(f"{base}{path}", wait_until="load")
        return {
            "status": answer.status if answer else 0,
            "words": page.locator("main").inner_text(),
            "rules": page.evaluate("[...document.styleSheets].reduce((sum, sheet) => sum + sheet.cssRules.length, 0)"),
            "keys_work": page.locator("footer .keys").is_visible(),
            "wrong": told,
        }


def main(url: str, chromium: str, *paths: str) -> None:
    """Open the pages, and say what they did."""
    database = open_catalogue(url, HOSTED)
    with running(database) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        base = f"http://127.0.0.1:{server.port}"
        pages = {path: opened(browser.new_page(), base, path) for path in paths}
        browser.close()
    database.close()
    interfaces = [name for _, name in socket.if_nameindex()]
    sys.stdout.write(json.dumps({"interfaces": interfaces, "reaches": reaches_outside(), "pages": pages}))


if __name__ == "__main__":
    main(*sys.argv[1:])
