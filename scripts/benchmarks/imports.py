"""Importing a release."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_least, at_most
from benchmarks.processes import Taken, run
from benchmarks.workshop import Workshop, ctibutler

PEER = """
import sys
from mitreattack.stix20 import MitreAttackData
data = MitreAttackData(sys.argv[1])
print(len(data.get_techniques()))
"""
ROWS = (
    Row(
        "import",
        "Install ATT&CK Enterprise 18.1 (51 MB) into an empty catalogue",
        "mitreattack-python loads the same file into `MitreAttackData`",
        at_least(4, "times faster"),
        "processor time of the whole process",
    ),
    Row(
        "import-beside",
        "Install 18.1 when 17.1 is there",
        "into an empty catalogue",
        at_most(0.4, "of the time"),
        "processor time of the whole process",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    plain = workshop.enterprise("18.1")
    taken: dict[str, list[Taken]] = {"empty": [], "peer": [], "beside": []}
    peer = [sys.executable, "-W", "ignore", "-c", PEER, str(plain)]
    for _ in range(workshop.runs):
        empty, beside = workshop.data("import-empty"), workshop.data("import-beside")
        taken["empty"].append(run(ctibutler("install", "attack-enterprise@18.1"), empty))
        taken["peer"].append(run(peer, workshop.environment))
        run(ctibutler("install", "attack-enterprise@17.1"), beside)
        taken["beside"].append(run(ctibutler("install", "attack-enterprise@18.1"), beside))
        for environment in (empty, beside):
            shutil.rmtree(environment["CTIBUTLER_DATA_DIR"])
    seconds = {name: median(each.processor for each in runs) for name, runs in taken.items()}
    memory = {name: median(each.memory for each in runs) for name, runs in taken.items()}
    yield Outcome(
        "import",
        seconds["peer"] / seconds["empty"],
        {
            "ctibutler, s": seconds["empty"],
            "mitreattack-python, s": seconds["peer"],
            "ctibutler, peak MB": memory["empty"],
            "mitreattack-python, peak MB": memory["peer"],
        },
    )
    yield Outcome(
        "import-beside",
        seconds["beside"] / seconds["empty"],
        {"beside 17.1, s": seconds["beside"], "empty, s": seconds["empty"]},
    )


GROUP = Group("import", ROWS, measure)
