"""Objects, relationships and pages that nobody asked for before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.processes import Answer, Asker
from benchmarks.servers import HEALTH, NO_CACHE, api
from benchmarks.workshop import Workshop

BASE = "/api/v1/attack-enterprise/objects/"
HOW = "median processor time of the server for an answer, each for another object or page, without the answer cache, in turns"
ROWS = tuple(
    Row(f"uncached-{name}", what, "the same server's health check", at_most(goal, "times its time"), HOW)
    for name, what, goal in (
        ("object", "One object, never asked before", 2.5),
        ("relationships", "Its relationships, never asked before", 4),
        ("page", "A page of 50 sorted by name, never asked before", 6),
    )
)


def technique_ids(asker: Asker, count: int) -> list[str]:
    """STIX ids of attack patterns of the latest release."""
    listed = json.loads(asker.body(f"{BASE}?type=attack-pattern&page_size={count}"))
    return [each["id"] for each in listed["objects"]]


def page(number: int) -> str:
    return f"{BASE}?sort=name_ascending&page={number}"


def measure(workshop: Workshop) -> Iterator[Outcome]:
    count = 60 if workshop.quick else 300
    taken: dict[str, list[Answer]] = {name: [] for name in ("health", "object", "relationships", "page")}
    with api(workshop.everything | NO_CACHE) as server:
        asker = Asker(server)
        ids = technique_ids(asker, count + 10)
        for number, stix_id in enumerate(ids):
            turn = {
                "health": HEALTH,
                "object": f"{BASE}{stix_id}/",
                "relationships": f"{BASE}{stix_id}/relationships/",
                "page": page(number % 50 + 1),
            }
            for name, path in turn.items():
                answer = asker.ask(path)
                if number >= 10:
                    taken[name].append(answer)
    wall = {name: median(each.wall for each in answers) for name, answers in taken.items()}
    processor = {name: median(each.processor for each in answers) for name, answers in taken.items()}
    for name in ("object", "relationships", "page"):
        yield Outcome(
            f"uncached-{name}",
            processor[name] / processor["health"],
            {
                f"{name}, ms": processor[name],
                "health check, ms": processor["health"],
                f"{name}, time over HTTP, ms": wall[name],
                "health check, time over HTTP, ms": wall["health"],
            },
        )


GROUP = Group("uncached", ROWS, measure)
