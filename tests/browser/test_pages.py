"""Pages in a real browser: they ask nobody else, break no policy of their own, and can be used by everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from tests.browser.watching import opened
from tests.pages.test_hostile_release import TYPES, fill, objects_of
from tests.server.serving import running

pytestmark = pytest.mark.real
PAGES = (
    "/",
    "/search?text=cozy",
    "/search?text=powershel",
    "/attack-ics/18.1/",
    "/attack-ics/18.1/T0886",
    "/attack-ics/18.1/G0034",
    "/attack-ics/18.1/objects",
    "/attack-ics/18.1/changes?since=17.1",
    "/attack-ics/18.1/T0886/relations",
    "/attack-ics/18.1/T0886/stix",
    "/attack-enterprise/18.1/T1086",
    "/attack-enterprise/18.1/S0154",
    "/attack-enterprise/17.1/T1059.013",
    "/cwe/4.14/CWE-79",
    "/capec/3.9/CAPEC-112",
    "/d3fend/1.2.0/D3-NTF",
    "/location/1.0/ZA",
    "/tlp/2/red",
    "/emu",
    "/attack-ics/2.0/T0886",
    "/data",
    "/help",
    "/help/components",
    "/help/api",
    "/help/api?request=/api/v1/cwe/objects/",
    "/sign-in",
)
# How far each movement of the layout was that nobody asked for: https://web.dev/articles/cls
MOVED = """
() => new Promise((done) => {
  const moved = [];
  const observer = new PerformanceObserver((list) => moved.push(...list.getEntries().map((entry) => entry.value)));
  observer.observe({type: "layout-shift", buffered: true});
  setTimeout(() => { observer.disconnect(); done(moved); }, 300);
})
"""
VIEWS = [
    pytest.param("light", 1440, id="light-1440"),
    pytest.param("dark", 390, id="dark-390"),
    *(
        pytest.param(scheme, width, id=f"{scheme}-{width}", marks=pytest.mark.slow)
        for scheme in ("light", "dark")
        for width in (320, 390, 768, 1440)
        if (scheme, width) not in (("light", 1440), ("dark", 390))
    ),
]


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_everybody_can_use_it(browser: Browser, base: str, scheme: Any, width: int) -> None:
    # axe-core is put into the page; that is what the policy forbids.
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "bypass_csp": True}
    with opened(browser, base, **options) as (page, heard):
        for path in PAGES:
            answer = page.goto(path)
            assert answer is not None
            assert answer.status in (200, 404), path
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert heard.nothing(), (heard.foreign, heard.said)


def test_nobody_else_is_asked_and_the_policy_is_kept(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        for path in PAGES:
            page.goto(path, wait_until="networkidle" if path == "/" else "load")
        assert heard.nothing(), (heard.foreign, heard.said)
        # What was listened for would have been heard.
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'}))"
        )
        page.wait_for_timeout(50)
        assert any("Content Security Policy" in text for text in heard.said)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/attack-enterprise/18.1/T1059",
        "/attack-enterprise/18.1/matrix",
        "/attack-enterprise/18.1/matrix?a=G0016&b=G0007",
        "/attack-enterprise/18.1/G0016/graph",
        "/attack-enterprise/18.1/changes?since=17.1",
    ],
)
def test_nothing_moves_while_a_page_is_read_and_its_scripts_run(browser: Browser, base: str, path: str) -> None:
    with opened(browser, base, viewport={"width": 1440, "height": 900}) as (page, _):
        # A slow processor shows a long page in several steps.
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(path)
        moved = page.evaluate(MOVED)
        assert sum(moved) < 0.01, moved
        # What was listened for would have been heard.
        page.evaluate("document.querySelector('main').before(document.createElement('hr'))")
        assert sum(page.evaluate(MOVED)) > sum(moved)


def test_the_palette_finds_by_keys_alone(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        page.goto("/")
        field = page.get_by_role("combobox")
        expect(field).to_be_focused()
        page.keyboard.type("cozy b", delay=30)
        options = page.get_by_role("option")
        expect(options.first).to_contain_text("APT29")
        expect(options.first).to_have_attribute("aria-selected", "true")
        assert field.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
        page.keyboard.press("ArrowDown")
        expect(options.nth(1)).to_have_attribute("aria-selected", "true")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.wait_for_url("**/attack-enterprise/18.1/G0016")
        page.keyboard.press("[")
        page.wait_for_url("**/attack-enterprise/17.1/G0016")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.closest('tr, li') !== null")
        page.keyboard.press("/")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("t1055/011")
        expect(page.get_by_role("option").first).to_contain_text("T1055.011")
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Turn letter keys off").click()
        page.keyboard.press("]")
        page.wait_for_timeout(100)
        assert "/17.1/" in page.url
        assert heard.nothing(), (heard.foreign, heard.said)


def test_letters_lead_around_an_object(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        page.goto("/attack-enterprise/18.1/T1552.003")
        for letter, part in (("d", "diff"), ("h", "history"), ("g", "graph")):
            page.keyboard.press(letter)
            page.wait_for_url(f"**/18.1/T1552.003/{part}")
            page.keyboard.press("u")
            page.wait_for_url("**/18.1/T1552.003")
        page.keyboard.press("m")
        page.wait_for_url("**/18.1/matrix?a=T1552.003")
        page.goto("/attack-enterprise/18.1/T1552.003")
        for above in ("T1552", "TA0006", "objects"):
            page.keyboard.press("u")
            page.wait_for_url(f"**/18.1/{above}")
        assert heard.nothing(), (heard.foreign, heard.said)


def test_files_may_be_dropped_anywhere_on_the_desk(browser: Browser, base: str) -> None:
    with opened(browser, base) as (page, heard):
        page.goto("/desk")
        dropped = page.evaluate_handle(
            """() => {
                const dropped = new DataTransfer();
                dropped.items.add(new File(["T1552.003\\nT1059\\n"], "ids.txt", {type: "text/plain"}));
                return dropped;
            }"""
        )
        page.dispatch_event("form.desk textarea", "drop", {"dataTransfer": dropped})
        page.get_by_role("button", name="Show what becomes of them").click()
        expect(page.get_by_text("Shell History")).not_to_have_count(0)
        assert heard.nothing(), (heard.foreign, heard.said)


def test_everything_can_be_read_without_script(browser: Browser, base: str) -> None:
    paths = ("/attack-ics/18.1/T0886", "/attack-ics/18.1/objects", "/cwe/4.14/CWE-79", "/search?text=cozy")
    with opened(browser, base, java_script_enabled=False) as (plain, _), opened(browser, base) as (page, _):
        for path in paths:
            plain.goto(path)
            page.goto(path)
            shown = [" ".join(it.locator("main").inner_text().replace("copy", "").split()) for it in (plain, page)]
            assert shown[0] == shown[1], path
        plain.goto("/")
        plain.get_by_role("searchbox").fill("cozy bear")
        plain.keyboard.press("Enter")
        plain.wait_for_url("**/search?text=cozy+bear")
        expect(plain.get_by_role("link", name="APT29").first).to_be_visible()
        plain.goto("/attack-ics/18.1/T0886")
        plain.locator(".scope-release summary").click()
        plain.locator(".scope-release").get_by_role("link", name="17.1").click()
        plain.wait_for_url("**/attack-ics/17.1/T0886")


def test_a_hostile_release_does_nothing(browser: Browser, tmp_path: Path) -> None:
    database = open_catalogue(f"sqlite:///{tmp_path / 'hostile.sqlite'}", HOSTED)
    fill(database)
    with running(database) as server, opened(browser, f"http://127.0.0.1:{server.port}") as (page, heard):
        for slug in TYPES:
            for stix in objects_of(slug)[:3]:
                if stix["type"] == "relationship":
                    continue
                for part in ("", "/relations", "/stix"):
                    page.goto(f"/{slug}/1.0/{stix['id']}{part}")
            page.goto(f"/{slug}/1.0/objects")
        page.goto("/")
        page.keyboard.type("alert")
        expect(page.get_by_role("option").first).to_be_visible()
        assert heard.nothing(), (heard.foreign, heard.said)
    database.close()
