"""An id is copied as text, as a link for tickets and wikis, and as the tag of Sigma rules."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.watching import opened

pytestmark = pytest.mark.real
SHELL = "/attack-enterprise/18.1/T1059"


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_key_copies_the_id_and_offers_the_other_forms(browser: Browser, base: str) -> None:
    with opened(browser, base, permissions=["clipboard-read", "clipboard-write"]) as (page, heard):
        page.goto(SHELL)
        page.keyboard.press("c")
        expect(page.get_by_role("button", name="Copy as Markdown")).to_be_focused()
        assert clipboard(page) == "T1059"
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Copy as Markdown")).to_have_text("copied")
        assert clipboard(page) == f"[T1059 Command and Scripting Interpreter]({base}{SHELL})"
        for title, text in (
            ("MediaWiki", f"[{base}{SHELL} T1059 Command and Scripting Interpreter]"),
            ("Sigma tag", "attack.t1059"),
        ):
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=f"Copy as {title}")).to_have_text("copied")
            assert clipboard(page) == text
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Copy as Markdown")).not_to_be_visible()
        assert heard.nothing(), (heard.foreign, heard.said)


def test_without_script_the_forms_are_there_to_be_selected(browser: Browser, base: str) -> None:
    with opened(browser, base, java_script_enabled=False) as (page, _):
        page.goto(SHELL)
        expect(page.get_by_text("attack.t1059", exact=True)).not_to_be_visible()
        page.get_by_text("copy as", exact=True).click()
        expect(page.get_by_text("attack.t1059", exact=True)).to_be_visible()
        expect(page.get_by_text(f"]({SHELL})")).to_be_visible()


def test_the_forms_fit_on_a_phone(browser: Browser, base: str) -> None:
    with opened(browser, base, viewport={"width": 320, "height": 700}) as (page, _):
        for path in (SHELL, "/attack-enterprise/18.1/G0016"):
            page.goto(path)
            page.get_by_text("copy as", exact=True).click()
            for item in page.locator("details.copying li").all():
                box = item.bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= 320
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
