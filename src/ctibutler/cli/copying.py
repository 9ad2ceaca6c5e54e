"""What `backup`, `restore` and `copy` share: an option, progress, and what was copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from ctibutler.cli.declaring import option
from ctibutler.cli.output import text as output

if TYPE_CHECKING:
    from ctibutler.catalog.copying import CopyReport, Progress

ReplaceOption = Annotated[
    bool, option("--replace", help="Replace everything in a database that is not empty. Its jobs and API keys go too.")
]


def run_copy(name: str, copy: Callable[[Progress], CopyReport], done: str, *, as_json: bool) -> None:
    """Run a copy with its progress shown, and print what was copied. `name` stands before the progress."""
    from ctibutler.cli.output.progress import board

    with board(quiet=as_json) as shown:
        report = copy(lambda stage, number, total: shown.show(name, stage, number, total))
    rows = report.rows
    if as_json:
        output.write_json({"rows": rows})
        return
    parts = (("release", "release"), ("object", "object"), ("link", "link"), ("api_key", "API key"), ("job", "job"))
    output.line(f"{done}: {', '.join(output.counted(rows[table], noun) for table, noun in parts)}")
