"""A page in a context of its own, with what it did beside showing itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request


class Heard:
    """What a page did beside showing itself."""

    def __init__(self, page: Page, base: str) -> None:
        self.foreign: list[str] = []
        self.said: list[str] = []
        self._base = base
        page.on("request", self._asked)
        page.on("dialog", self._opened)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("console", self._said)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(f"{self._base}/"):
            self.foreign.append(request.url)

    def _opened(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()

    def _said(self, message: ConsoleMessage) -> None:
        # That a page is not there is its status.
        if "the server responded with a status of 404" not in message.text:
            self.said.append(message.text)

    def nothing(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.foreign and not self.said


@contextmanager
def opened(browser: Browser, base: str, **options: Any) -> Iterator[tuple[Page, Heard]]:
    """A page in a context of its own."""
    context = browser.new_context(base_url=base, **options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page, Heard(page, base)
    context.close()
