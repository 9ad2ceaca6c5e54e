"""A whole release over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_least
from benchmarks.processes import Answer, Asker
from benchmarks.servers import api, nginx
from benchmarks.workshop import Workshop

BUNDLE = "/api/v1/attack-enterprise/versions/18.1/bundle/"
ROWS = (
    Row(
        "release",
        "ATT&CK Enterprise 18.1 as a bundle over HTTP",
        "nginx serving the same bytes as a file",
        at_least(0.2, "of its speed"),
        "time until the last byte, in turns, over one connection, not compressed",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    taken: dict[str, list[Answer]] = {"ctibutler": [], "nginx": []}
    with api(workshop.everything) as server:
        body = Asker(server).body(BUNDLE)
        with nginx(workshop.folder / "nginx-release", {"release.json": body}) as fixed:
            ours, theirs = Asker(server), Asker(fixed)
            for _ in range(3 * workshop.runs):
                taken["ctibutler"].append(ours.ask(BUNDLE))
                taken["nginx"].append(theirs.ask("/release.json"))
    wall = {name: median(each.wall for each in answers) for name, answers in taken.items()}
    processor = {f"{name}, processor ms": median(each.processor for each in some) for name, some in taken.items()}
    figures = {f"{name}, ms": each for name, each in wall.items()} | processor | {"megabytes": len(body) / 1e6}
    yield Outcome("release", wall["nginx"] / wall["ctibutler"], figures)


GROUP = Group("release", ROWS, measure)
