"""The same object and page from Django REST Framework, on the same SQLite file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.declaring import Group, Outcome, Row, Skipped, at_least
from benchmarks.processes import Answer, Asker, Failed, Server, serving
from benchmarks.servers import HEALTH, NO_CACHE, api, bare_asgi
from benchmarks.uncached import BASE, page, technique_ids
from benchmarks.workshop import ROOT, Workshop

AGAINST = "a Django REST Framework view on the same SQLite file, under uvicorn"
HOW = "processor time of the server for an answer, each for another object or page, without a cache, in turns"
ROWS = (
    Row("drf-object", "One object", AGAINST, at_least(6, "times faster"), HOW),
    Row("drf-page", "A page of 50 sorted by name", AGAINST, at_least(4, "times faster"), HOW),
)
PACKAGES = (
    "Django>=5.2,<5.3",
    "djangorestframework>=3.16,<4",
    "zstandard>=0.25,<0.26",
    "uvicorn>=0.54,<0.55",
    "httptools>=0.9,<0.10",
)


def measure(workshop: Workshop) -> Iterator[Outcome]:
    python = environment_with_django(workshop.folder / "django")
    names = ("object", "page")
    taken: dict[str, dict[str, list[Answer]]] = {who: {name: [] for name in names} for who in ("ours", "theirs")}
    least: dict[str, list[Answer]] = {"health check": [], "bare ASGI": []}
    with ExitStack() as stack:
        ours = Asker(stack.enter_context(api(workshop.everything | NO_CACHE)))
        askers = {"ours": ours, "theirs": Asker(stack.enter_context(django(python, workshop.database)))}
        ids = technique_ids(ours, 50 if workshop.quick else 210)
        make_sure_that_both_answer_the_same(askers, ids[0])
        kept = workshop.folder / "object.json"
        kept.write_bytes(ours.body(f"{BASE}{ids[0]}/"))
        bare = Asker(stack.enter_context(bare_asgi(kept)))
        for number, stix_id in enumerate(ids):
            for name, path in (("object", f"{BASE}{stix_id}/"), ("page", page(number % 50 + 1))):
                for who, asker in askers.items():
                    answer = asker.ask(path)
                    if number >= 10:
                        taken[who][name].append(answer)
            for name, asker, path in (("health check", ours, HEALTH), ("bare ASGI", bare, "/")):
                least[name].append(asker.ask(path))
    at_least_taken = {f"{name}, ms": median(each.processor for each in answers) for name, answers in least.items()}
    for name in names:
        mine, theirs = (median(each.processor for each in taken[who][name]) for who in ("ours", "theirs"))
        wall, others = (median(each.wall for each in taken[who][name]) for who in ("ours", "theirs"))
        figures = {"ctibutler, ms": mine, "Django, ms": theirs, "ctibutler, time over HTTP, ms": wall}
        figures |= {"Django, time over HTTP, ms": others} | at_least_taken
        yield Outcome(f"drf-{name}", theirs / mine, figures)


def make_sure_that_both_answer_the_same(askers: dict[str, Asker], stix_id: str) -> None:
    for path in (f"{BASE}{stix_id}/", page(3)):
        ours, theirs = (json.loads(asker.body(path)) for asker in askers.values())
        if ours != theirs:
            raise Failed(f"Django answers {path} in another way")


def environment_with_django(folder: Path) -> Path:
    """A virtual environment of its own, so that Django is no dependency."""
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
        subprocess.run([*install, *PACKAGES], check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
        raise Skipped("Django REST Framework cannot be installed here, for want of a package index") from problem
    (folder / "complete").touch()
    return python


@contextmanager
def django(python: Path, database: Path) -> Iterator[Server]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "BENCH_DATABASE": str(database)}
    options = ["--http", "httptools", "--interface", "wsgi", "--no-access-log", "--log-level", "error"]
    command = [str(python), "-m", "uvicorn", *options, "--port", "{port}", "benchmarks.django_application:application"]
    with serving(environment, command, BASE) as server:
        yield server


GROUP = Group("django", ROWS, measure)
