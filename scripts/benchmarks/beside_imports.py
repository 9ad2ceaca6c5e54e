"""Pages while a release is imported."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_most
from benchmarks.processes import Asker, Failed
from benchmarks.searching import percentile
from benchmarks.servers import NO_CACHE, api
from benchmarks.uncached import page
from benchmarks.workshop import Workshop, ctibutler

ROWS = (
    Row(
        "beside-import",
        "A page while an import runs, 99th percentile",
        "without an import",
        at_most(2, "times its time"),
        "time of an answer, without the answer cache; the import is of ATT&CK Enterprise, in another process",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    environment = workshop.data("beside") | NO_CACHE
    shutil.copytree(workshop.database.parent, Path(environment["CTIBUTLER_DATA_DIR"]), dirs_exist_ok=True)
    quiet: list[float] = []
    beside: list[float] = []
    with api(environment) as server:
        asker = Asker(server)
        for _ in range(workshop.runs):
            quiet += [asker.ask(page(number % 60 + 1)).wall for number in range(200)]
            beside += during_import(asker, environment)
    figures = {
        "without, 99th percentile, ms": percentile(quiet, 99),
        "during the import, 99th percentile, ms": percentile(beside, 99),
        "without, median, ms": median(quiet),
        "during the import, median, ms": median(beside),
        "pages during the import": len(beside),
    }
    yield Outcome("beside-import", percentile(beside, 99) / percentile(quiet, 99), figures)


def during_import(asker: Asker, environment: dict[str, str]) -> list[float]:
    command = ctibutler("install", "attack-enterprise@16.1", "--force")
    importing = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken: list[float] = []
    while importing.poll() is None:
        taken.append(asker.ask(page(len(taken) % 60 + 1)).wall)
    if importing.returncode:
        raise Failed("the import beside the pages failed")
    return taken


GROUP = Group("beside-import", ROWS, measure)
