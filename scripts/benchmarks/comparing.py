"""What changed between two releases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_least
from benchmarks.processes import Answer, Asker, Taken, run
from benchmarks.servers import HEALTH, api
from benchmarks.workshop import Workshop

CHANGES = "/api/v1/attack-enterprise/versions/18.1/changes/?since=17.1"
ROWS = (
    Row(
        "changes",
        "Changes of ATT&CK Enterprise 17.1 → 18.1 from a server that has just started",
        "`diff_stix` on the two files, the whole process",
        at_least(100, "times faster"),
        "processor time",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    old, new = (workshop.enterprise(label).parent for label in ("17.1", "18.1"))
    written = workshop.folder / "changes.json"
    peer = [str(Path(sys.executable).parent / "diff_stix"), "--domains", "enterprise-attack", "--old", str(old)]
    peer += ["--new", str(new), "--json-file", str(written), "--markdown-file", str(written.with_suffix(".md"))]
    ours: list[Answer] = []
    theirs: list[Taken] = []
    for number in range(workshop.runs):
        with api(workshop.everything) as server:
            asker = Asker(server)
            asker.body(HEALTH)
            ours.append(asker.ask(CHANGES))
        if number < 2:  # it takes a minute
            theirs.append(run(peer, workshop.environment))
    processor, other = median(each.processor for each in ours), median(each.processor for each in theirs)
    figures = {
        "ctibutler, ms": processor,
        "time over HTTP, ms": median(each.wall for each in ours),
        "diff_stix, s": other,
    }
    yield Outcome("changes", other * 1000 / processor, figures)


GROUP = Group("changes", ROWS, measure)
