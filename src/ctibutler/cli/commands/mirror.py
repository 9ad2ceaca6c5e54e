"""The command `mirror`: releases in a folder, to be carried to where there is no network."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared
from ctibutler.cli.options import JsonOption, SourceOption
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.session import session_of
from ctibutler.cli.targets import Target, labels_of, read_targets
from ctibutler.errors import Problem

if TYPE_CHECKING:
    from ctibutler.cli.output.progress import Board
    from ctibutler.knowledge_bases.release_files import ReleaseFile
    from ctibutler.publishers.sources.offers import Sources


def mirror(
    context: click.Context,
    folder: Annotated[Path, argument("FOLDER", "The folder to write to. It is created if it does not exist.")],
    targets: Annotated[
        list[str],
        argument(
            "KB[@RELEASE]",
            "KB for the newest release, KB@RELEASE for that one, KB@all for all. `attack` means all three matrices.",
            candidates.installable,
        ),
    ],
    source: SourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy releases to a folder for offline use.

    The folder is laid out like the public bucket. Where there is no network, set CTIBUTLER_BUCKET to it. Releases that it
    already contains stay.
    """
    from ctibutler.cli.output.progress import board, without_name
    from ctibutler.logs import set_up_logs
    from ctibutler.publishers.sources.mirror import write_release
    from ctibutler.publishers.sources.offers import Sources

    session = session_of(context)
    asked = read_targets(session, targets)
    if folder.exists() and not folder.is_dir():
        raise Problem(f"{folder} is not a folder")
    set_up_logs(session.settings, least=logging.ERROR)
    sources = Sources(session.settings, only=source)
    written: list[dict[str, Any]] = []
    failed = False
    with board(quiet=as_json) as shown:
        for target in asked:
            try:
                labels, is_partial = labels_of(sources, target, partial(shown.end, str(target), failed=True))
                failed = failed or is_partial
                for label in labels:
                    release = _fetch(sources, target, label, shown)
                    files = write_release(folder, target.kb, release)
                    written.append(_summary(release, files))
                    size = output.size_text(sum(size for _, size in files))
                    shown.end(
                        f"{target.kb.slug} {label}", f"{size} from {release.origin.source}, {release.origin.location}"
                    )
            except Problem as problem:
                failed = True
                shown.end(str(target), f"failed: {without_name(str(target), str(problem))}", failed=True)
    if as_json:
        output.write_json({"releases": written})
    elif written:
        write_table(
            [Column("SIZE", right=True), Column("FILE")],
            [[output.size_text(file["size"]), file["path"]] for item in written for file in item["files"]],
        )
    if failed:
        raise click.exceptions.Exit(1)


def _fetch(sources: Sources, target: Target, label: str, shown: Board) -> ReleaseFile:
    name = f"{target.kb.slug} {label}"
    return sources.fetch(target.kb, label, lambda done, total: shown.show(name, "download", done, total))


def _summary(release: ReleaseFile, files: list[tuple[Path, int]]) -> dict[str, Any]:
    return {
        "knowledge_base": release.knowledge_base,
        "version": release.label,
        "source": release.origin.source,
        "location": release.origin.location,
        "sha256": release.origin.sha256,
        "converter": release.origin.converter,
        "converter_version": release.origin.converter_version,
        "files": [{"path": str(path), "size": size} for path, size in files],
    }


command = declared(
    mirror,
    "ctibutler mirror ./kb attack-enterprise cwe@all d3fend@1.2.0",
    "ctibutler mirror ./kb cwe --source publisher",
    "CTIBUTLER_BUCKET=./kb ctibutler up",
)
