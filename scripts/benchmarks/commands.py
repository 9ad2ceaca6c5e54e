"""How soon a command is done, and a server answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.processes import run
from benchmarks.servers import api
from benchmarks.workshop import Workshop, ctibutler

BARE = "bare Python"
ROWS = (
    Row("get", "`ctibutler get T1059`, the whole process", BARE, at_most(0.3, "s"), "processor time"),
    Row("help", "`ctibutler --help`, the whole process", BARE, at_most(0.15, "s"), "processor time"),
    Row("serve", "`ctibutler serve` until the first answer", BARE, at_most(0.7, "s"), "processor time"),
)
COMMANDS = {
    BARE: [sys.executable, "-c", "pass"],
    "get": ctibutler("get", "T1059"),
    "help": ctibutler("--help"),
}


def measure(workshop: Workshop) -> Iterator[Outcome]:
    processor: dict[str, list[float]] = {}
    wall: dict[str, list[float]] = {}
    for number in range(3 * workshop.runs + 1):
        taken = {name: run(command, workshop.everything) for name, command in COMMANDS.items()}
        times = {name: (each.processor, each.wall) for name, each in taken.items()}
        started = time.perf_counter()
        with api(workshop.everything) as server:
            times["serve"] = server.processor_seconds(), time.perf_counter() - started
        if number:  # the first writes compiled modules
            for name, (seconds, passed) in times.items():
                processor.setdefault(name, []).append(seconds)
                wall.setdefault(name, []).append(passed)
    bare = median(processor[BARE])
    for row in ROWS:
        yield Outcome(
            row.name,
            median(processor[row.name]),
            {"elapsed, s": median(wall[row.name]), f"{BARE}, s": bare, f"{BARE}, elapsed, s": median(wall[BARE])},
        )


GROUP = Group("commands", ROWS, measure)
