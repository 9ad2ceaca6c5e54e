"""The progress of jobs while a person waits: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ctibutler.cli.output import text as output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

STAGES = {
    "download": "downloading",
    "parse": "reading",
    "index": "indexing",
    "store": "storing",
    "derive": "relating",
    "link": "linking",
    "copy": "copying",
    "database": "checking the database",
    "rows": "checking rows",
    "objects": "checking objects",
    "words": "checking words",
    "releases": "checking releases",
    "links": "checking links",
}


class Board(Protocol):
    """Where the progress of jobs is shown."""

    def show(self, job: str, stage: str, done: int, total: int | None) -> None:
        """Show how far a job is."""
        ...

    def end(self, job: str, sentence: str, *, failed: bool = False) -> None:
        """Say how a job ended."""
        ...

    def line(self, text: str) -> None:
        """Print a line that stays, above what moves."""
        ...


class Lines:
    """A line when a job starts, and one when it ends. Failures go to standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._started: set[str] = set()

    def show(self, job: str, stage: str, done: int, total: int | None) -> None:
        """Say once that a job has started."""
        if stage and job not in self._started:
            self._started.add(job)
            self.line(f"{job}: started")

    def end(self, job: str, sentence: str, *, failed: bool = False) -> None:
        """Say how a job ended."""
        if failed:
            output.note(f"{job}: {sentence}")
        else:
            self.line(f"{job}: {sentence}")

    def line(self, text: str) -> None:
        """Print a line, unless only failures are wanted."""
        if not self._quiet:
            output.line(output.printable(text))


class Bars:
    """One bar for each job that runs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def show(self, job: str, stage: str, done: int, total: int | None) -> None:
        """Move the job's bar."""
        with self._lock:
            if job not in self._tasks:
                self._tasks[job] = self._progress.add_task(job, total=None, stage="", amount="")
            self._progress.update(
                self._tasks[job],
                completed=done,
                total=total,
                stage=STAGES.get(stage, stage),
                amount=amount(stage, done, total),
            )

    def end(self, job: str, sentence: str, *, failed: bool = False) -> None:
        """Remove the job's bar and say how the job ended."""
        with self._lock:
            task = self._tasks.pop(job, None)
            if task is not None:
                self._progress.remove_task(task)
        if failed:
            output.note(f"{job}: {sentence}")
        else:
            self.line(f"{job}: {sentence}")

    def line(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(output.printable(text), markup=False, highlight=False, soft_wrap=True)


def without_name(name: str, reason: str) -> str:
    """The reason of a failure without the name that its line begins with: that of the release, or of its knowledge base.

    What sources are blamed for says it too: `cwe 4.15: no source has this release` of `cwe@4.15`.
    """
    release = name.replace("@", " ")
    return reason.removeprefix(f"{release}: ").removeprefix(f"{release.split()[0]}: ")


def amount(stage: str, done: int, total: int | None) -> str:
    """How much of a stage is done: `1.2 MB of 34.4 MB`, `24,772`."""
    if not done and not total:
        return ""
    parts = (done, total) if total else (done,)
    return " of ".join(output.size_text(part) if stage == "download" else f"{part:,}" for part in parts)


@contextmanager
def board(*, quiet: bool = False) -> Iterator[Board]:
    """Bars on a terminal; lines elsewhere, or only failures where standard output is for something else."""
    if quiet or not (output.on_terminal() and sys.stderr.isatty()):
        yield Lines(quiet=quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[stage]}", style="dim", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}", style="dim", markup=False),
        console=Console(),
        transient=True,
        expand=False,
    )
    with progress:
        yield Bars(progress)
