"""Pages: what a server takes for them, what a browser loads, and when it paints."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from statistics import median, quantiles
from urllib.parse import quote_plus

from benchmarks.declaring import Group, Outcome, Row, Skipped, at_most
from benchmarks.processes import Answer, Asker, Failed, Server
from benchmarks.searching import QUESTIONS
from benchmarks.servers import NO_CACHE, api
from benchmarks.workshop import Workshop

BASE = "/attack-enterprise/18.1/"
PAGES = {
    "T1059": f"{BASE}T1059",
    "T1105": f"{BASE}T1105",
    "matrix": f"{BASE}matrix?a=G0016&b=G0007",
    "graph": f"{BASE}G0016/graph",
    "differences": f"{BASE}T1552.003/diff?from=17.1",
}
PROCESSOR = "median processor time of the server"
FIRST = "the first page of a release that a server is asked for after its start"
COMPARISON = f"{BASE}changes?since=17.1"
ROWS = (
    Row(
        "pages-object",
        "The page of a technique, never asked before",
        "–",
        at_most(15, "ms"),
        f"{PROCESSOR} for pages of techniques of Enterprise 18.1, each another one, without the answer cache",
    ),
    Row(
        "pages-matrix",
        "The matrix of Enterprise with two sets, never asked before",
        "–",
        at_most(60, "ms"),
        f"{PROCESSOR} for matrices of Enterprise 18.1 with two groups, each time other ones, without the answer cache",
    ),
    Row(
        "pages-comparison",
        "The comparison of Enterprise 17.1 and 18.1",
        "–",
        at_most(300, "ms"),
        f"{PROCESSOR} for {FIRST}",
    ),
    Row("pages-warm", "Any page, asked before", "–", at_most(1, "ms"), f"{PROCESSOR}, of the slowest of five pages"),
    Row(
        "palette-median",
        "The palette, median",
        "–",
        at_most(10, "ms"),
        "processor time of the server, for the beginnings of the questions of searching, with all releases installed",
    ),
    Row("palette-p99", "The palette, 99th percentile", "–", at_most(50, "ms"), "the same answers"),
    Row(
        "pages-weight",
        "The first page that a browser opens, with styles and scripts",
        "–",
        at_most(60, "kB"),
        "compressed as the server sends it, the largest of five pages",
    ),
    Row(
        "pages-paint",
        "The first paint on a slow laptop",
        "–",
        at_most(0.5, "s"),
        "first contentful paint in Chromium with its processor slowed down four times, the slowest of five pages",
    ),
    Row(
        "pages-shift",
        "How far a page moves while it is shown: its layout shift",
        "–",
        at_most(0.01, "points"),
        "cumulative layout shift in the same browser, the largest of five pages",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    everything = workshop.everything
    with api(everything | NO_CACHE) as server:
        asker = Asker(server)
        ids = listed(asker, "attack-pattern", 40 if workshop.quick else 110)
        answers = [asker.ask(f"{BASE}{external_id}") for external_id in ids][10:]
        figures = {
            f"{name}, ms": asker.ask(path).processor for name, path in PAGES.items() if name in ("T1059", "T1105")
        }
        processor = [answer.processor for answer in answers]
        yield Outcome("pages-object", median(processor), {"slowest, ms": max(processor)} | figures)
        groups = listed(asker, "intrusion-set", 26)
        pairs = [f"{BASE}matrix?a={a}&b={b}" for a, b in zip(groups[::2], groups[1::2], strict=True)]
        matrices = [asker.ask(path).processor for path in pairs][3:]
        first = median(_first(workshop, PAGES["matrix"]) for _ in range(workshop.runs))
        yield Outcome("pages-matrix", median(matrices), {"slowest, ms": max(matrices), f"{FIRST}, ms": first})
        questions: list[str] = json.loads(QUESTIONS.read_text(encoding="utf-8"))
        typed = [part for question in questions for part in accumulate(question)]
        asked = [asker.ask(f"/palette.json?text={quote_plus(part)}").processor for part in typed]
        yield Outcome("palette-median", median(asked), {"questions": len(asked)})
        yield Outcome("palette-p99", quantiles(asked, n=100)[98], {"slowest, ms": max(asked)})
    with api(everything) as server:
        asker = Asker(server)
        taken: dict[str, list[Answer]] = {name: [] for name in PAGES}
        for _ in range(20):
            for name, path in PAGES.items():
                taken[name].append(asker.ask(path))
        warm = {f"{name}, ms": median(answer.processor for answer in some[5:]) for name, some in taken.items()}
        yield Outcome("pages-warm", max(warm.values()), warm)
        weights = {f"{name}, kB": _weight(server, path) for name, path in PAGES.items()}
        yield Outcome("pages-weight", max(weights.values()), weights)
        painted = _paints(server)
        if painted is None:
            raise Skipped("Chromium is not installed: scripts/services chromium")
        paints = {name: value for name, value in painted.items() if name.endswith(", s")}
        shifts = {name: value for name, value in painted.items() if name not in paints}
        yield Outcome("pages-paint", max(paints.values()), paints)
        yield Outcome("pages-shift", max(shifts.values()), shifts)

    yield Outcome("pages-comparison", median(_first(workshop, COMPARISON) for _ in range(workshop.runs)))


def listed(asker: Asker, stix_type: str, count: int) -> list[str]:
    """Ids of objects of a type of Enterprise 18.1."""
    path = f"/api/v1/attack-enterprise/objects/?attack_version=18.1&type={stix_type}&page_size={count}"
    found = json.loads(asker.body(path))["objects"]
    return [each["external_references"][0]["external_id"] for each in found]


def _first(workshop: Workshop, path: str) -> float:
    """Milliseconds for a page of a server that has answered nothing but the home page."""
    with api(workshop.everything) as server:
        asker = Asker(server)
        asker.body("/index.json")
        asker.body("/help")
        return asker.ask(path).processor


def _weight(server: Server, path: str) -> float:
    """The kilobytes of a page, and of all that it loads, as they come."""
    fetch = partial(_fetched, server)
    page = fetch(path, "identity").decode()
    loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js|svg))"', page))
    if not loaded:
        raise Failed(f"{path} loads nothing")
    return sum(len(fetch(each, "gzip")) for each in (path, *loaded)) / 1000


def _fetched(server: Server, path: str, encoding: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers={"Accept": "text/html", "Accept-Encoding": encoding})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.status != 200:
        raise Failed(f"{path} answered {response.status}")
    return content


_PAINTED = """() => new Promise(done => {
  const shift = {value: 0};
  new PerformanceObserver(list => list.getEntries().forEach(each => { shift.value += each.value; }))
    .observe({type: 'layout-shift', buffered: true});
  new PerformanceObserver(list => {
    const first = list.getEntries().find(each => each.name === 'first-contentful-paint');
    if (first) setTimeout(() => done([first.startTime / 1000, shift.value]), 300);
  }).observe({type: 'paint', buffered: true});
})"""


def _paints(server: Server) -> dict[str, float] | None:
    """Seconds until the first paint of each page, and how far its layout shifts; None without a browser."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CTIBUTLER_TEST_CHROMIUM") or shutil.which("chromium")
    if not program:
        return None
    painted: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name, path in [("warm-up", "/help"), *PAGES.items()]:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
            page.goto(f"http://127.0.0.1:{server.port}{path}")
            painted[f"{name}, s"], painted[f"{name}, layout shift"] = page.evaluate(_PAINTED)
            context.close()
        browser.close()
    return {name: value for name, value in painted.items() if not name.startswith("warm-up")}


GROUP = Group("pages", ROWS, measure)
