"""Answers about what everything refers to, from a server that has just started."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.processes import Answer, Asker
from benchmarks.servers import HEALTH, api
from benchmarks.workshop import Workshop

ENTERPRISE = "/api/v1/attack-enterprise"
MITRE = "identity--c78cb6e5-0c4b-4611-8297-d1b8b55e40b5"
HUBS = {
    "all relationships": "/api/v1/objects/sros/",
    "MITRE's bundle": f"{ENTERPRISE}/objects/{MITRE}/bundle/",
    "MITRE's bundle, all knowledge bases": f"/api/v1/objects/{MITRE}/bundle/",
    "inference": f"{ENTERPRISE}/tie/?technique_ids=T1059,T1003",
    "changes 15.1 → 18.1": f"{ENTERPRISE}/versions/18.1/changes/?since=15.1",
    "search for `the`": "/api/v1/search/?text=the",
}
ROWS = (
    Row(
        "hubs",
        "The slowest of six answers about what everything refers to",
        "–",
        at_most(0.3, "s"),
        "processor time of the server, each the first question to a server that has just started",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    taken: dict[str, list[Answer]] = {name: [] for name in HUBS}
    for _ in range(workshop.runs):
        for name, path in HUBS.items():
            with api(workshop.everything) as server:
                asker = Asker(server)
                asker.body(HEALTH)
                taken[name].append(asker.ask(path))
    seconds = {f"{name}, s": median(each.processor for each in answers) / 1000 for name, answers in taken.items()}
    wall = {f"{name}, time over HTTP, s": median(each.wall for each in some) / 1000 for name, some in taken.items()}
    yield Outcome("hubs", max(seconds.values()), seconds | wall)


GROUP = Group("hubs", ROWS, measure)
