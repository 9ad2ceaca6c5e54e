"""What readers set for themselves is respected: magnification, narrow windows, their own colours, no motion, no mouse."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watching import opened

pytestmark = pytest.mark.real
MATRIX = "/attack-ics/18.1/matrix?a=G0034&b=S0604"
PAGES = (
    "/",
    "/search?text=cozy",
    "/attack-enterprise/18.1/T1059",
    "/attack-enterprise/18.1/T1086",
    "/attack-ics/18.1/G0034",
    MATRIX,
    "/attack-ics/18.1/G0034/graph",
    "/attack-ics/18.1/compare?a=G0034&b=S0604",
    "/attack-ics/18.1/changes?since=17.1",
    "/attack-enterprise/18.1/T1552.003/diff?from=17.1",
    "/cwe/4.14/CWE-79",
    "/capec/3.9/CAPEC-112",
    "/d3fend/1.2.0/D3-NTF",
    "/tlp/2/red",
    "/desk",
    "/data",
    "/help",
    "/help/components",
    "/help/api",
)
# What is cut although nothing says so: text that its box does not show and that cannot be scrolled to.
CUT = """() => {
    const cut = [];
    for (const element of document.querySelectorAll("main *, header *, footer *")) {
        const hasText = [...element.childNodes].some((it) => it.nodeType === 3 && it.data.trim());
        const box = element.getBoundingClientRect();
        if (!hasText || box.width < 2 || box.height < 2 || element.closest("svg, dialog:not([open])")) continue;
        const style = getComputedStyle(element);
        const hides = (way) => way === "hidden" || way === "clip";
        if (style.textOverflow === "ellipsis" && element.title) continue;
        if ((hides(style.overflowX) && element.scrollWidth > element.clientWidth + 1) ||
            (hides(style.overflowY) && element.scrollHeight > element.clientHeight + 1)) {
            cut.push(`${element.tagName}.${element.className}: ${element.textContent.trim().slice(0, 60)}`);
        }
    }
    return cut;
}"""
# What has the focus is on top at its middle, or its label is.
ON_TOP = """() => {
    const element = document.activeElement;
    const box = [...element.getClientRects()].find((it) => it.width && it.height);
    if (!box) return false;
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return element.contains(top) || top?.contains(element) || [...(element.labels ?? [])].some((it) => it.contains(top));
}"""


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2}, id="200-percent"),
        pytest.param({"viewport": {"width": 320, "height": 640}}, id="320-pixels"),
        pytest.param({"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"}, id="1440-dark"),
    ],
)
def test_nothing_is_cut_and_nothing_scrolls_sideways(browser: Browser, base: str, options: dict[str, Any]) -> None:
    with opened(browser, base, **options) as (page, _):
        for path in PAGES:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= options["viewport"]["width"], path
            assert page.evaluate(CUT) == [], path
        # What is looked for would be found.
        page.evaluate(
            """() => Object.assign(
                document.querySelector("h1").style, {overflow: "hidden", inlineSize: "1rem", whiteSpace: "nowrap"}
            )"""
        )
        assert len(page.evaluate(CUT)) == 1


def test_marks_are_seen_in_the_colours_of_the_system(browser: Browser, base: str) -> None:
    with opened(browser, base, forced_colors="active") as (page, _):
        page.goto("/attack-enterprise/18.1/T1059")
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        pictures = {}
        for name in ("technique", "subtechnique", "group", "campaign", "software", "mitigation", "detection", "tactic"):
            mark = page.locator(f"main .kind-{name}:visible")
            if mark.count():
                pictures[name] = mark.first.screenshot()
        assert len(pictures) >= 6
        assert len(set(pictures.values())) == len(pictures)
        page.goto(MATRIX)
        for name, sides in (("a", ("Left",)), ("b", ("Right",)), ("both", ("Left", "Right"))):
            cell = page.locator(f".matrix li.in-{name}:visible").first
            look = cell.evaluate(
                "it => ({...getComputedStyle(it), ground: getComputedStyle(document.body).backgroundColor})"
            )
            for side in sides:
                assert look[f"border{side}Width"] == "4px"
                assert look[f"border{side}Color"] != look["ground"]


def test_nothing_moves_for_whoever_wants_no_motion(browser: Browser, base: str) -> None:
    with opened(browser, base, reduced_motion="reduce") as (page, _):
        for path in ("/", "/attack-enterprise/18.1/T1059", MATRIX, "/help/components"):
            page.goto(path)
            moving = page.evaluate(
                """() => [...document.querySelectorAll("*")].filter((it) => {
                    const style = getComputedStyle(it);
                    return style.transitionDuration.split(",").some((time) => parseFloat(time)) ||
                        style.animationName !== "none" || style.scrollBehavior === "smooth";
                }).map((it) => it.outerHTML.slice(0, 80))"""
            )
            assert moving == [], path


@pytest.mark.parametrize("path", ["/", "/attack-ics/18.1/G0034", MATRIX, "/desk", "/data"])
def test_the_focus_is_seen_at_every_step(browser: Browser, base: str, path: str) -> None:
    with opened(browser, base, viewport={"width": 1280, "height": 800}) as (page, _):
        page.goto(path)
        page.evaluate("document.activeElement.blur()")
        seen = 0
        for _step in range(25):
            page.keyboard.press("Tab")
            element = page.evaluate_handle("document.activeElement").as_element()
            assert element is not None
            if element.evaluate("it => it === document.body"):
                break
            assert page.evaluate(ON_TOP), element.evaluate("it => it.outerHTML.slice(0, 200)")
            box = element.bounding_box()
            assert box is not None
            left, top = max(box["x"] - 6, 0), max(box["y"] - 6, 0)
            clip: Any = {
                "x": left,
                "y": top,
                "width": min(box["width"] + 12, 1280 - left),
                "height": min(box["height"] + 12, 800 - top),
            }
            with_focus = page.screenshot(clip=clip, caret="hide")
            element.evaluate("it => it.blur()")
            without = page.screenshot(clip=clip, caret="hide")
            assert with_focus != without, element.evaluate("it => it.outerHTML.slice(0, 200)")
            element.focus()
            seen += 1
        assert seen > 5


def test_a_release_is_asked_for_by_keys_alone(browser: Browser, server: str) -> None:
    with opened(browser, server) as (page, heard):
        page.goto("/data")
        focused = "document.activeElement.getAttribute('name')"
        for _step in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == "kb":
                break
        page.keyboard.type("sector")
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "release"
        page.keyboard.type("1.0")
        page.keyboard.press("Enter")
        page.wait_for_url("**/data/jobs/*")
        expect(page.get_by_role("main")).to_contain_text("Install sector@1.0")
        page.go_back()
        page.wait_for_url("**/data")
        assert heard.nothing(), (heard.foreign, heard.said)


def test_the_desk_answers_without_script(browser: Browser, base: str) -> None:
    with opened(browser, base, java_script_enabled=False) as (page, _):
        page.goto("/desk")
        page.get_by_role("textbox").first.fill("T1574.002\nT1059\nT1108\n")
        page.get_by_role("button", name="Show what becomes of them").click()
        expect(page.get_by_role("main")).to_contain_text("T1574.001")
        with page.expect_download() as found:
            page.get_by_role("button", name="Download").first.click()
        text = found.value.path().read_text()
        assert "T1574.001" in text and "T1574.002" not in text.split()  # noqa: PT018
