"""Rows are marked for two sets by keys, and a bar leads to the matrix and the comparison of both."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.watching import opened

pytestmark = pytest.mark.real
ICS = "/attack-ics/18.1"


def row_of(page: Page, name: str) -> Locator:
    """The row with the link of this name."""
    return page.locator("main tr, main li").filter(has=page.get_by_role("link", name=name, exact=True)).first


def mark(page: Page, name: str, key: str) -> Locator:
    row = row_of(page, name)
    row.get_by_role("link", name=name, exact=True).focus()
    page.keyboard.press(key)
    return row


def bar_of(page: Page) -> Locator:
    return page.get_by_role("status")


def sets_in(address: str | None) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(address or "")
    return parts.path, {name: value[0].split(",") for name, value in parse_qs(parts.query).items()}


def test_marks_stay_while_reading_and_lead_to_the_comparison_and_the_matrix(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        page.goto(f"{ICS}/objects?attack_type=Group&page_size=100")
        sandworm = mark(page, "Sandworm Team", "x")
        assert "In set A" in " ".join(sandworm.inner_text().split())
        expect(bar_of(page)).to_contain_text("A: G0034")
        expect(bar_of(page).get_by_role("link", name="Compare")).to_have_count(0)
        # On the page of an object: in its relations, and the object itself where no row has the focus.
        page.goto(f"{ICS}/T0886")
        page.keyboard.press("x")
        both = mark(page, "INCONTROLLER", "x")
        mark(page, "INCONTROLLER", "Shift+X")
        assert "A B" in " ".join(both.locator(".set-signs b").all_inner_texts())
        expect(bar_of(page)).to_contain_text("A: G0034, T0886, S1045 · B: S1045")
        mark(page, "INCONTROLLER", "x")
        page.goto(f"{ICS}/T0886/relations?page_size=100")
        expect(row_of(page, "INCONTROLLER").locator(".set-signs")).to_contain_text("B")
        bar = bar_of(page)
        for word in ("Matrix", "Compare"):
            path, sets = sets_in(bar.get_by_role("link", name=word).get_attribute("href"))
            assert path == f"{ICS}/{word.lower()}"
            assert sets == {"a": ["G0034", "T0886"], "b": ["S1045"]}
        bar.get_by_role("link", name="Compare").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("INCONTROLLER")
        # Another release has marks of its own.
        page.goto("/attack-ics/17.1/T0886")
        expect(bar_of(page)).to_be_empty()
        page.goto(f"{ICS}/T0886")
        bar_of(page).get_by_role("button", name="Clear").click()
        expect(bar_of(page)).to_be_empty()
        expect(page.locator(".set-signs")).to_have_count(0)
        page.reload()
        expect(bar_of(page)).to_be_empty()
        assert heard.nothing(), (heard.foreign, heard.said)


def test_results_of_a_search_are_marked_for_their_own_release(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        page.goto("/search?text=sandworm&types=intrusion-set")
        for link in page.locator("main tbody tr").filter(has_text="G0034").get_by_role("link").all():
            link.focus()
            page.keyboard.press("x")
        lines = bar_of(page).locator("> *").all()
        led = dict(sets_in(line.get_by_role("link", name="Matrix").get_attribute("href")) for line in lines)
        assert led == {f"/attack-{name}/18.1/matrix": {"a": ["G0034"]} for name in ("enterprise", "mobile", "ics")}
        assert heard.nothing(), (heard.foreign, heard.said)


def test_letters_that_are_off_mark_nothing_and_neither_do_letters_in_fields(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, _):
        page.goto(f"{ICS}/objects?attack_type=Group")
        page.get_by_label("Name", exact=True).focus()
        page.keyboard.type("xX")
        expect(page.get_by_label("Name", exact=True)).to_have_value("xX")
        expect(bar_of(page)).to_be_empty()
        page.get_by_role("button", name="Turn letter keys off").click()
        mark(page, "Sandworm Team", "x")
        expect(bar_of(page)).to_be_empty()
        page.get_by_role("button", name="Turn letter keys on").click()
        mark(page, "Sandworm Team", "Shift+X")
        expect(bar_of(page)).to_contain_text("B: G0034")


def test_a_link_in_a_sentence_is_no_row(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        page.goto("/attack-enterprise/18.1/T1086")
        expect(page.locator(".banner [data-set]")).to_have_count(1)
        page.locator(".banner [data-set]").focus()
        page.keyboard.press("x")
        expect(bar_of(page)).to_be_empty()
        assert heard.nothing(), (heard.foreign, heard.said)


def test_marks_are_seen_without_colours(browser: Browser, base: str) -> None:
    with opened(browser, base, forced_colors="active") as (page, _):
        page.goto(f"{ICS}/objects?attack_type=Group")
        row = mark(page, "Sandworm Team", "x")
        expect(row.locator(".set-signs b")).to_be_visible()
        expect(row.locator(".set-signs b")).to_have_text("A")


def test_without_script_nothing_of_it_is_there(browser: Browser, base: str) -> None:
    with opened(browser, base, java_script_enabled=False) as (page, _):
        page.goto(f"{ICS}/objects?attack_type=Group")
        expect(row_of(page, "Sandworm Team")).to_be_visible()
        expect(bar_of(page)).to_have_count(0)
