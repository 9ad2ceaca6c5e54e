"""Matrix, comparison of sets and graph in a real browser: by keys, without script, measured, and checked for accessibility."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ctibutler.catalog.engine.database import Database
from tests.catalogue import catalogue_with
from tests.server.serving import Server, running

pytestmark = pytest.mark.real

RELEASE = "/attack-ics/18.1"
MATRIX = f"{RELEASE}/matrix?a=G0034&b=G0082"
GRAPH = f"{RELEASE}/G0034/graph"
COMPARED = f"{RELEASE}/compare?a=G0034&b=G0082"
WIDE, NARROW = (1440, 900), (390, 844)
LOOKS = (
    (MATRIX, "light", WIDE),
    (MATRIX, "dark", WIDE),
    (MATRIX, "light", NARROW),
    (GRAPH, "light", WIDE),
    (GRAPH, "dark", WIDE),
    (GRAPH, "light", NARROW),
    (COMPARED, "dark", WIDE),
    (COMPARED, "light", NARROW),
    ("/atlas/5.1.1/matrix?open=all", "light", WIDE),
)

# The boxes of all labels, as the four corners that they have after their rotation.
LABELS = """
() => [...document.querySelectorAll('.ring .node text, .ring .more text')].map((text) => {
  const box = text.getBBox(), turn = text.getCTM();
  const corner = (x, y) => { const p = new DOMPoint(x, y).matrixTransform(turn); return [p.x, p.y]; };
  const inset = box.height * 0.15;
  return [corner(box.x, box.y + inset), corner(box.x + box.width, box.y + inset),
          corner(box.x + box.width, box.y + box.height - inset), corner(box.x, box.y + box.height - inset)];
})
"""
# How far the edge of the drawing is from its middle, and where that is.
EDGE = """
() => {
  const ring = document.querySelector('.ring'), turn = ring.getCTM();
  const middle = new DOMPoint(0, 0).matrixTransform(turn);
  return [ring.viewBox.baseVal.width / 2 * turn.a, middle.x, middle.y];
}
"""
# What is wider than the window, outside of regions that scroll.
TOO_WIDE = """
() => [...document.querySelectorAll('main *')].filter((item) => {
  if (item.closest('.matrix, .picture, .scroll, svg, .sr')) return false;
  const box = item.getBoundingClientRect();
  return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
}).map((item) => item.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with catalogue_with("sqlite", tmp_path_factory.mktemp("matrix"), "attack-ics@18.1", "atlas@5.1.1") as made:
        yield made


@pytest.fixture(scope="module")
def server(database: Database) -> Iterator[Server]:
    with running(database) as started:
        yield started


class Opened:
    """A page with what the browser complained about, and what it asked for."""

    def __init__(self, browser: Browser, server: Server, path: str, **options: Any) -> None:
        self.base = f"http://127.0.0.1:{server.port}"
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda failure: self.complaints.append(str(failure)))
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.goto(f"{self.base}{path}")

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.complaints == []
        assert all(url.startswith(self.base) for url in self.requested)
        self.context.close()

    def focused(self) -> str:
        """The text of what has the focus."""
        return str(self.page.evaluate("document.activeElement.textContent.trim()"))

    def press(self, *keys: str) -> str:
        for key in keys:
            self.page.keyboard.press(key)
        return self.focused()


def test_the_matrix_is_one_tab_stop_and_arrows_lead_from_cell_to_cell(browser: Browser, server: Server) -> None:
    with Opened(browser, server, "/atlas/5.1.1/matrix") as opened:
        page = opened.page
        assert page.locator("[data-matrix] [tabindex='0']").count() == 1
        columns = page.evaluate(
            "() => [...document.querySelectorAll('.tactic')].map((column) =>"
            " [...column.querySelectorAll(':scope > ul > li > a')].map((link) => link.textContent.trim()))"
        )
        page.locator("[data-matrix] [tabindex='0']").focus()
        assert opened.focused() == columns[0][0]
        assert opened.press("ArrowDown") == columns[0][1]
        assert opened.press("ArrowRight") in columns[1]
        assert opened.press("ArrowLeft") in columns[0]
        assert opened.press("End") == columns[0][-1]
        page.locator(".tactic li:has(> details) > a").first.focus()
        parent = opened.focused()
        fold = page.locator(".tactic li:has(> details) > details").first
        opened.press(" ")
        assert fold.evaluate("fold => fold.open")
        inside = opened.press("ArrowDown")
        assert inside == fold.locator("ul a").first.text_content()
        assert opened.press(" ") == parent
        assert not fold.evaluate("fold => fold.open")
        box = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert box != "none"
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert parent in (page.title() or "")


def test_without_script_folds_unfold_and_forms_ask(browser: Browser, server: Server) -> None:
    with Opened(browser, server, "/atlas/5.1.1/matrix", java_script_enabled=False) as opened:
        page = opened.page
        page.locator(".tactic summary").first.click()
        assert page.locator(".tactic details[open] ul a").first.is_visible()
        page.locator("input[name=a]").fill("AML.T0000, AML.TA0002")
        page.get_by_role("button", name="Show").click()
        assert "a=AML.T0000" in page.url
        assert page.locator(".tactic li.in-a").count() > 1
        page.get_by_role("link", name="Only marked").click()
        assert page.locator(".tactic li:not([class])").count() == 0


def test_a_layer_of_this_machine_is_set_a_and_is_not_sent(browser: Browser, server: Server, tmp_path: Path) -> None:
    layer = {
        "name": "Mine",
        "techniques": [
            {"techniqueID": "T0886", "score": 7, "comment": "seen <b>twice</b>"},
            {"techniqueID": "T0859", "tactic": "persistence"},
            {"techniqueID": "T0855", "enabled": False},
            {"techniqueID": "T9999"},
        ],
    }
    file = tmp_path / "layer.json"
    file.write_text(json.dumps(layer))
    with Opened(browser, server, f"{RELEASE}/matrix?b=T0886") as opened:
        page = opened.page
        page.wait_for_load_state("networkidle")
        before = len(opened.requested)
        upgrade = page.get_by_role("link", name="Bring the layer to")
        assert upgrade.count() == 0
        page.locator("[data-layer]").set_input_files(file)
        page.locator("[data-layer-status]", has_text="Not in").wait_for()
        assert page.locator("[data-layer-status]").text_content() == "Not in this matrix: T9999."
        assert upgrade.get_attribute("href") == "/desk?kb=attack-ics&to=18.1"
        both = page.locator(".tactic li.in-both")
        assert {link.split("/")[-1] for link in both.locator("> a").evaluate_all("a => a.map(l => l.href)")} == {
            "T0886"
        }
        assert both.first.locator(".score").text_content() == "7"
        assert both.first.locator("> a").get_attribute("title") == "seen <b>twice</b>"
        only = page.locator(".tactic li.in-a")
        assert only.count() == 1
        column = only.locator("xpath=ancestor::div[@class='tactic']")
        assert "Persistence" in (column.locator(".tactic-head").text_content() or "")
        key = [" ".join(row.split()) for row in page.locator(".set-key li").all_text_contents()]
        assert key[0] == "A Mine 1"
        assert key[-1] == "both 1"
        assert len(opened.requested) == before
        (tmp_path / "other.json").write_text("[]")
        page.locator("[data-layer]").set_input_files(tmp_path / "other.json")
        page.locator("[data-layer-status]", has_text="no Navigator layer").wait_for()
        assert upgrade.count() == 0


def test_on_paper_folds_with_marks_are_open(browser: Browser, server: Server) -> None:
    with Opened(browser, server, "/atlas/5.1.1/matrix?a=AML.T0000.000") as opened:
        page = opened.page
        marked = page.locator(".tactic details[data-marked] li.in-a a").first
        assert not marked.is_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert marked.is_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not marked.is_visible()
        page.emulate_media(media="print")
        content = page.evaluate("getComputedStyle(document.querySelector('.tactic li.in-a > a'), '::after').content")
        assert content == '" [A]"'


def test_a_node_of_the_ring_lights_its_curves_and_those_that_end_in_it(browser: Browser, server: Server) -> None:
    with Opened(browser, server, GRAPH) as opened:
        page = opened.page
        first = page.locator(".ring .node:has([data-to])").first
        first.locator("a").focus()
        number = first.get_attribute("data-n")
        own = first.locator("[data-to]").count()
        ending = page.locator(f".ring [data-to='{number}']").count()
        assert page.locator(".ring path.lit").count() == own + ending
        before = first.locator("a").get_attribute("href")
        opened.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") != before
        assert page.locator(".ring.has-lit").count() == 1
        page.locator("h1").click()
        page.evaluate("document.activeElement.blur()")
        assert page.locator(".ring .lit").count() == 0


@pytest.mark.parametrize("path", [GRAPH, "/atlas/5.1.1/AML.TA0002/graph", f"{RELEASE}/TA0109/graph"])
def test_labels_of_the_ring_do_not_overlap_and_stay_inside(browser: Browser, server: Server, path: str) -> None:
    with Opened(browser, server, path) as opened:
        labels = opened.page.evaluate(LABELS)
        assert len(labels) == opened.page.locator(".ring .node, .ring .more").count() > 5
        for place, label in enumerate(labels):
            assert not [other for other in labels[place + 1 :] if overlap(label, other)]
        half, x0, y0 = opened.page.evaluate(EDGE)
        for x, y in (corner for label in labels for corner in label):
            assert abs(x - x0) <= half
            assert abs(y - y0) <= half


def overlap(some: list[list[float]], others: list[list[float]]) -> bool:
    """Whether two boxes have a point in common: no line parallel to a side parts them."""
    for box in (some, others):
        for (x1, y1), (x2, y2) in ((box[0], box[1]), (box[1], box[2])):
            across = (y1 - y2, x2 - x1)
            a, b = ([x * across[0] + y * across[1] for x, y in shape] for shape in (some, others))
            if max(a) < min(b) or max(b) < min(a):
                return False
    return True


@pytest.mark.parametrize(("path", "scheme", "size"), LOOKS)
def test_nothing_is_inaccessible_or_wider_than_the_window(
    browser: Browser, server: Server, path: str, scheme: str, size: tuple[int, int]
) -> None:
    width, height = size
    look: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": height}}
    with Opened(browser, server, path, bypass_csp=True, **look) as opened:
        found = Axe().run(opened.page, options={"resultTypes": ["violations"]})
        wrong = [(it["id"], [node["html"][:200] for node in it["nodes"][:3]]) for it in found.response["violations"]]
        assert wrong == []
        assert opened.page.evaluate(TOO_WIDE) == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
