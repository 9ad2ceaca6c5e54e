"""What became of objects from one release to another, and what happened to one over all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_least, at_most
from benchmarks.processes import Answer, Asker, run
from benchmarks.servers import HEALTH, NO_CACHE, api
from benchmarks.uncached import BASE, technique_ids
from benchmarks.workshop import Workshop

OUTCOMES = "/api/v1/attack-enterprise/versions/18.1/changes/?since=15.1&view=outcome"
PAGES = 20
ROWS = (
    Row(
        "outcomes",
        "Outcomes of ATT&CK Enterprise 15.1 → 18.1 from a server that has just started",
        "`diff_stix` on the two files, the whole process",
        at_least(70, "times faster"),
        "processor time",
    ),
    Row("outcomes-time", "The same", "–", at_most(300, "ms"), "over HTTP, until the answer is read"),
    Row(
        "outcomes-page",
        "Another page of them",
        "an object by its id, never asked before",
        at_most(20, "times its time"),
        "median processor time of the server for an answer, without the answer cache",
    ),
    Row(
        "history",
        "The history of an object over all releases",
        "`versions` of the same object",
        at_most(5, "times its time"),
        "median processor time of the server for an answer, each for another object, without the answer cache, in turns",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    cold: list[Answer] = []
    for _ in range(workshop.runs):
        with api(workshop.everything) as server:
            asker = Asker(server)
            asker.body(HEALTH)
            cold.append(asker.ask(OUTCOMES))
    processor, wall = median(each.processor for each in cold), median(each.wall for each in cold)
    other = diff_stix(workshop)
    yield Outcome("outcomes", other * 1000 / processor, {"ctibutler, ms": processor, "diff_stix, s": other})
    yield Outcome("outcomes-time", wall)
    yield from pages_and_histories(workshop)


def diff_stix(workshop: Workshop) -> float:
    """Its processor time in seconds."""
    old, new = (workshop.enterprise(label).parent for label in ("15.1", "18.1"))
    written = workshop.folder / "outcomes.json"
    command = [str(Path(sys.executable).parent / "diff_stix"), "--domains", "enterprise-attack", "--old", str(old)]
    command += ["--new", str(new), "--json-file", str(written), "--markdown-file", str(written.with_suffix(".md"))]
    return run(command, workshop.environment).processor


def pages_and_histories(workshop: Workshop) -> Iterator[Outcome]:
    names = ("object", "page", "versions", "history")
    taken: dict[str, list[float]] = {name: [] for name in names}
    with api(workshop.everything | NO_CACHE) as server:
        asker = Asker(server)
        asker.body(OUTCOMES)
        for number, stix_id in enumerate(technique_ids(asker, 60 if workshop.quick else 300)):
            paths = (
                f"{BASE}{stix_id}/",
                f"{OUTCOMES}&page={number % PAGES + 2}",
                f"{BASE}{stix_id}/versions/",
                f"{BASE}{stix_id}/history/",
            )
            for name, path in zip(names, paths, strict=True):
                answer = asker.ask(path)
                if number >= 10:
                    taken[name].append(answer.processor)
    each = {name: median(answers) for name, answers in taken.items()}
    yield Outcome(
        "outcomes-page", each["page"] / each["object"], {"page, ms": each["page"], "object, ms": each["object"]}
    )
    figures = {"history, ms": each["history"], "versions, ms": each["versions"]}
    yield Outcome("history", each["history"] / each["versions"], figures)


GROUP = Group("outcomes", ROWS, measure)
