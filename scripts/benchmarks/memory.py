"""The memory of a server."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.hubs import HUBS
from benchmarks.processes import Asker
from benchmarks.servers import api
from benchmarks.uncached import BASE, page, technique_ids
from benchmarks.workshop import Workshop

HOW = "resident memory of one process of `serve` with default settings, without the database's file, which it maps"
ROWS = (
    Row("memory-mixed", "Memory of an API process after 50,000 mixed requests", "–", at_most(200, "MB"), HOW),
    Row("memory-hubs", "The same process after every large answer, twice", "–", at_most(200, "MB"), HOW),
)
STEPS = 25


def measure(workshop: Workshop) -> Iterator[Outcome]:
    count = 5_000 if workshop.quick else 50_000
    chance = random.Random(18)  # noqa: S311 - the same mixture each time
    with api(workshop.everything | {"CTIBUTLER_LOG_LEVEL": "warning"}) as server:
        asker = Asker(server)
        ids = technique_ids(asker, 800)
        start = server.megabytes()
        course = [start]
        for number in range(1, count + 1):
            asker.body(mixed(chance, ids))
            if number % (count // STEPS) == 0:
                course.append(server.megabytes())
        yield Outcome(
            "memory-mixed",
            course[-1],
            {
                "at the start, MB": start,
                "half-way, MB": course[len(course) // 2],
                "with pages of the database, MB": server.megabytes_with_database(),
                "requests": count,
            },
            {"megabytes in the course of the requests": course},
            f"after {count:,} requests" if workshop.quick else "",
        )
        after: dict[str, float] = {}
        for _ in range(2):
            for name, path in HUBS.items():
                asker.body(path)
                after[f"after {name}, MB"] = server.megabytes()
        after["with pages of the database, MB"] = server.megabytes_with_database()
        yield Outcome("memory-hubs", server.megabytes(), after)


def mixed(chance: random.Random, ids: list[str]) -> str:
    """Half objects, a fifth relationships, a fifth pages, a tenth searches."""
    stix_id = chance.choice(ids)
    kind = chance.random()
    if kind < 0.5:
        return f"{BASE}{stix_id}/"
    if kind < 0.7:
        return f"{BASE}{stix_id}/relationships/"
    if kind < 0.9:
        return page(chance.randint(1, 60))
    return f"/api/v1/search/?text={stix_id[16:20]}+{chance.choice(('credential', 'registry', 'phishing', 'cloud'))}"


GROUP = Group("memory", ROWS, measure)
