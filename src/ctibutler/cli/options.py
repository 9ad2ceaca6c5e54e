"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import option

KbOption = Annotated[
    str | None,
    option(
        "--kb",
        metavar="KB",
        help="Look only in this knowledge base.",
        complete=candidates.knowledge_base,
    ),
]
ReleaseOption = Annotated[
    str | None,
    option(
        "--release",
        metavar="RELEASE",
        help="Read this release. Default: the latest one installed.",
        complete=candidates.release_or_latest,
    ),
]
PinnedOption = Annotated[
    list[str] | None,
    option(
        "--release",
        metavar="KB@RELEASE",
        help="Read this release of a knowledge base. Repeat it for others. Default: the latest installed ones.",
        complete=candidates.installed,
    ),
]
SourceOption = Annotated[
    str | None,
    option(
        "--source",
        metavar="SOURCE",
        help="Use only this source: publisher, bucket, snapshot, built-in, or the folder or URL of a bucket.",
        complete=candidates.source,
    ),
]
JsonOption = Annotated[bool, option("--json", help="Print JSON.")]
PageOption = Annotated[int, option("--page", metavar="N", least=1, most=2**32 - 1, help="Page number.")]
PageSizeOption = Annotated[
    int | None,
    option("--page-size", metavar="N", least=1, help="Results per page. Default: CTIBUTLER_DEFAULT_PAGE_SIZE (50)."),
]

FormatOption = Annotated[
    str | None,
    option(
        "--format",
        metavar="FORM",
        help="Write the whole list as csv, xlsx, md, ndjson, stix, layer or atom, or a page as table or json.",
        complete=candidates.words("table", "json", "ndjson", "csv", "xlsx", "md", "layer", "stix", "atom"),
    ),
]
ClosureOption = Annotated[
    str | None,
    option(
        "--closure",
        metavar="CLOSURE",
        help="What a STIX bundle holds: none (the rows alone), evidence (also what leads to them) or full (also all that"
        " these refer to).",
        complete=candidates.words("none", "evidence", "full"),
    ),
]
OutputOption = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the whole list to this file. Its extension chooses the form; `-` is standard output.",
    ),
]
ColumnsOption = Annotated[
    list[str] | None, option("--columns", metavar="NAME", help="Write these columns, in this order.")
]


SEVERAL = "Separate several with commas."
"""The end of the help of an option that takes several words."""


def words(given: list[str] | None) -> list[str] | None:
    """The words of an option that may be given several times, each time with commas; None if it was not given."""
    if not given:
        return None
    return [item.strip() for part in given for item in part.split(",") if item.strip()]
