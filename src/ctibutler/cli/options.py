"""Options that several commands share, and how they are explained and read."""

from __future__ import annotations

from typing import Annotated

import typer

KbOption = Annotated[
    str | None, typer.Option("--kb", metavar="KB", help="The knowledge base to look in. Default: in all of them.")
]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="RELEASE", help="The release to read. Default: the latest installed.")
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help="Take it from there alone: publisher, bucket, snapshot, built-in, or the folder or URL of a bucket.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PageOption = Annotated[int, typer.Option("--page", metavar="N", min=1, max=2**32 - 1, help="Which page, from 1.")]
PageSizeOption = Annotated[
    int | None,
    typer.Option("--page-size", metavar="N", min=1, help="How many on a page. Default: CTIBUTLER_DEFAULT_PAGE_SIZE."),
]


def words(given: list[str] | None) -> list[str] | None:
    """The items of an option that may be given several times, each time with commas; None where it was not given."""
    if not given:
        return None
    return [item.strip() for part in given for item in part.split(",") if item.strip()]


def examples(*lines: str) -> str:
    """The examples at the end of a command's help, one a line."""
    heading = "Examples:" if len(lines) > 1 else "Example:"
    return f"{heading}\n\n\b\n" + "\n".join(f"    {line}" for line in lines)
