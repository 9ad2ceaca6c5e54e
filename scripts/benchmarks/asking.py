"""Questions and paths, and whole lists in other forms."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, at_least, at_most
from benchmarks.processes import Asker, Failed, Taken, run
from benchmarks.servers import HEALTH, api
from benchmarks.workshop import Workshop, ctibutler

ENTERPRISE = "/api/v1/attack-enterprise/objects"
OF_GROUP, OF_TECHNIQUE = f"{ENTERPRISE}/G0016/techniques/?via=all", f"{ENTERPRISE}/T1105/groups/?via=software"
PATH = "/api/v1/paths/?from=CWE-521&to=D3-SPP"
ANOTHER = (f"{ENTERPRISE}/S0154/techniques/", "/api/v1/paths/?from=CWE-79&to=CAPEC-63")
ROWS_200_000 = "/api/v1/objects/sros/?format=csv"
IN_MEMORY, HEAVIEST = (Path(__file__).with_name(name) for name in ("in_memory.py", "heaviest.py"))

FIRST = "processor time of a server that was asked neither this nor anything like it; of the walk, the median of nine"
ROWS = (
    Row(
        "ask-group",
        "The techniques of APT29 in all ways, with their evidence: the first page of an answer",
        "the walk over a loaded networkx graph",
        at_most(8, "times its time"),
        FIRST,
    ),
    Row(
        "ask-technique",
        "The groups whose software can be used for T1105: 480 paths",
        "the walk over a loaded networkx graph",
        at_most(8, "times its time"),
        FIRST,
    ),
    Row(
        "ask-slowest",
        "The slowest question of an object, of all objects of the latest releases",
        "–",
        at_most(300, "ms"),
        "processor time of a server without the answer cache, for the first page in all ways. Asked of are, for each question, "
        "the objects with the most paths to their answers and some others",
    ),
    Row(
        "ask-command",
        "`ctibutler get G0016 techniques`, the whole process",
        "loading the bundle into networkx",
        at_most(1, "of the time"),
        "processor time",
    ),
    Row(
        "ask-library",
        "The techniques of APT29 in all ways",
        "the first `get_techniques_used_by_group` of mitreattack-python, after loading",
        at_least(200, "times faster"),
        "processor time",
    ),
    Row(
        "path",
        "All shortest paths from CWE-521 to D3-SPP",
        "`all_shortest_paths` of networkx over the same relations in memory",
        at_most(10, "times its time"),
        FIRST,
    ),
    Row(
        "workbook",
        "`ctibutler export attack-ics@18.1 --format xlsx`, the whole process",
        "`attack-to-excel` of mitreattack-python on the same file",
        at_least(20, "times faster"),
        "processor time of the whole process",
    ),
    Row(
        "csv-memory",
        "All relationships of all knowledge bases as CSV",
        "the same process before",
        at_most(64, "MB more"),
        "resident memory, without the database's file, which is mapped",
    ),
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    plain = str(workshop.enterprise("18.1"))
    ours: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    commands: list[Taken] = []
    for number in range(workshop.runs):
        with api(workshop.everything) as server:
            asker = Asker(server)
            for path in (HEALTH, *ANOTHER):
                asker.body(path)
            for name, path in (("group", OF_GROUP), ("technique", OF_TECHNIQUE), ("path", PATH)):
                ours.setdefault(name, []).append(asker.ask(path).processor)
        commands.append(run(ctibutler("get", "G0016", "techniques"), workshop.everything))
        answers = _in_memory(workshop, "walks", plain) | _in_memory(workshop, "paths", f"sqlite:///{workshop.database}")
        if number == 0:  # it takes long
            answers |= _in_memory(workshop, "library", plain)
        for name, value in answers.items():
            theirs.setdefault(name, []).append(value)
    mine = {name: median(values) for name, values in ours.items()}
    other = {name: median(values) for name, values in theirs.items()}
    for name in ("group", "technique"):
        yield _times(f"ask-{name}", mine[name], other[name])
    yield _slowest(workshop)
    command = median(each.processor for each in commands)
    yield Outcome(
        "ask-command", command * 1000 / other["load"], {"ctibutler, s": command, "networkx, s": other["load"] / 1000}
    )
    yield Outcome(
        "ask-library",
        other["first"] / mine["group"],
        {"ctibutler, ms": mine["group"], "mitreattack-python, s": other["first"] / 1000},
    )
    yield _times("path", mine["path"], other["path"])
    yield _workbook(workshop)
    yield _csv(workshop)


def _times(row: str, mine: float, other: float) -> Outcome:
    return Outcome(row, mine / other, {"ctibutler, ms": mine, "networkx, ms": other})


def _in_memory(workshop: Workshop, what: str, where: str) -> dict[str, float]:
    command = [sys.executable, str(IN_MEMORY), what, where]
    ended = subprocess.run(command, env=workshop.environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Failed(f"{IN_MEMORY.name} {what}: {ended.stderr[-500:]}")
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _slowest(workshop: Workshop) -> Outcome:
    """The slowest of the questions that `heaviest.py` chooses. One that seems slow is asked again: what else the machine does
    takes processor time from it, and never gives any."""
    chosen = subprocess.run(
        [sys.executable, str(HEAVIEST), f"sqlite:///{workshop.database}"],
        env=workshop.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if chosen.returncode:
        raise Failed(f"{HEAVIEST.name}: {chosen.stderr[-500:]}")
    paths: list[str] = json.loads(chosen.stdout)
    with api(workshop.everything | {"CTIBUTLER_ANSWER_CACHE_BYTES": "0"}) as server:
        asker = Asker(server)
        for path in (HEALTH, *ANOTHER):
            asker.body(path)
        taken = {path: asker.ask(path).processor for path in paths}
        for path in sorted(paths, key=lambda path: -taken[path])[:20]:
            taken[path] = min(taken[path], *(asker.ask(path).processor for _ in range(workshop.runs)))
    slowest = max(taken, key=lambda path: taken[path])
    figures = {"questions": float(len(taken)), "median, ms": median(taken.values())}
    return Outcome("ask-slowest", taken[slowest], figures, note=f"The slowest is {slowest}.")


def _workbook(workshop: Workshop) -> Outcome:
    plain = workshop.plain("mitre-attack-ics-repo-data/ics-attack-18_1.json.zst", "ics-attack-18.1.json")
    ours, theirs = [], []
    peer = [str(Path(sys.executable).parent / "attack-to-excel"), "from-stix", "--stix-file", str(plain)]
    peer += [
        "--domain",
        "ics-attack",
        "--output",
        str(workshop.folder / "attack-to-excel"),
        "--version",
        "v18.1",
        "--overwrite",
    ]
    for number in range(workshop.runs):
        book = workshop.folder / "ics.xlsx"
        command = ctibutler("export", "attack-ics@18.1", "--format", "xlsx", "-o", str(book))
        ours.append(run(command, workshop.everything))
        if number < 2:
            theirs.append(run(peer, workshop.environment))
    mine, other = (median(each.processor for each in taken) for taken in (ours, theirs))
    return Outcome("workbook", other / mine, {"ctibutler, s": mine, "attack-to-excel, s": other})


def _csv(workshop: Workshop) -> Outcome:
    more, rows = [], 0.0
    for _ in range(workshop.runs):
        with api(workshop.everything | {"CTIBUTLER_ANSWER_CACHE_BYTES": "0"}) as server:
            asker = Asker(server)
            asker.body("/api/v1/objects/sdos/?format=csv&types=campaign")
            before = server.megabytes()
            rows = float(asker.body(ROWS_200_000).count(b"\r\n") - 1)
            more.append(server.megabytes() - before)
    return Outcome("csv-memory", median(more), {"rows": rows})


GROUP = Group("questions", ROWS, measure)
