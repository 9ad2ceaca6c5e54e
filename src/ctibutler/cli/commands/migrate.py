"""The command `migrate`: files of one release, brought to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.options import SEVERAL, JsonOption, words
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of
from ctibutler.errors import InvalidRequest

FAILED, NEEDS_HUMAN = 1, 3
"""The exit codes that say that a file could not be migrated, and that something needs a human."""


def migrate(
    context: click.Context,
    paths: Annotated[list[str], argument("FILE", "Files or folders, or - for standard input.")],
    source: Annotated[
        str | None,
        option("--from", metavar="RELEASE", help="The release that the files are of. Default: guessed from their ids."),
    ] = None,
    target: Annotated[
        str | None,
        option(
            "--to",
            metavar="RELEASE",
            help="The release to bring them to. Default: the latest one installed.",
            complete=candidates.release_or_latest,
        ),
    ] = None,
    kb: Annotated[
        str | None,
        option(
            "--kb",
            metavar="KB",
            help="The knowledge base. Default: the one that knows most of the ids.",
            complete=candidates.knowledge_base,
        ),
    ] = None,
    file: Annotated[Path | None, option("--output", "-o", metavar="FILE", help="Write the migrated file here.")] = None,
    in_place: Annotated[
        bool, option("--in-place", help="Replace each file that changes, whole or not at all.")
    ] = False,
    review: Annotated[
        Path | None,
        option("--review", metavar="FILE", help="Write what became of every item: .json, .csv, .md or .xlsx."),
    ] = None,
    decisions: Annotated[
        Path | None, option("--decisions", metavar="FILE", help="Apply a review whose column decision was filled in.")
    ] = None,
    accept: Annotated[
        list[str] | None,
        option("--accept", metavar="WHY", help=f"Take such candidates without a human: named, same-name. {SEVERAL}"),
    ] = None,
    combine: Annotated[
        str | None,
        option("--combine", metavar="HOW", help="Combine scores that meet in a layer: max, min, sum, mean or first."),
    ] = None,
    column: Annotated[
        str | None, option("--column", metavar="NAME", help="The column of a table that holds the ids.")
    ] = None,
    add_columns: Annotated[
        bool, option("--add-columns", help="Add columns to CSV and TSV: outcome, new name and reason.")
    ] = False,
    refresh: Annotated[
        bool, option("--refresh", help="Replace what is revoked even if the file is of that release already.")
    ] = False,
    check: Annotated[bool, option("--check", help="Write nothing; end with 3 if something needs a human.")] = False,
    strict: Annotated[
        bool, option("--strict", help="With --check: end with 3 also if a file would change or needs a look.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring ids in files to another release.

    The files are lists, texts, tables, workbooks, Navigator layers, Sigma and Elastic rules and STIX bundles. Only
    ids that changed are replaced; all else in a file stays as it is. What needs a human is left as it was, and named on
    standard error. Ends with 3 then, else with 0; with 1 if a file could not be read, when the others are still migrated.
    """
    from ctibutler.cli.migrating import (
        STANDARD_INPUT,
        chosen,
        note_humans,
        read_files,
        write_in_place,
        write_migrated,
        write_review,
    )
    from ctibutler.cli.output.files import file_named
    from ctibutler.forms.json_form import record_as_json
    from ctibutler.migration.between import pairs_of
    from ctibutler.migration.decisions import read_decisions
    from ctibutler.migration.files import Options
    from ctibutler.migration.limits import Limits
    from ctibutler.migration.migrating import migrate as migrated
    from ctibutler.migration.review import report_of, review_rows, summary_of

    file = file_named(file)
    if in_place and (file is not None or STANDARD_INPUT in paths):
        raise InvalidRequest("--in-place replaces files; it goes neither with -o nor with standard input")
    if strict and not check:
        raise InvalidRequest("--strict goes with --check")
    options = Options(
        source=source,
        target=target,
        accept=tuple(words(accept) or ()),
        combine=combine,
        column=column,
        refresh=refresh,
        add_columns=add_columns,
        decisions=read_decisions(decisions.read_bytes(), str(decisions)) if decisions is not None else (),
    )
    session = session_of(context)
    limits = Limits.of(session.settings)
    files, unread = read_files(paths, limits)
    if not (in_place or check or as_json) and len(files) + len(unread) > 1:
        raise InvalidRequest("several files are migrated with --in-place, or looked at with --check or --json")
    with session.library() as library:
        known = session.knowledge_base(kb) if kb is not None else chosen(session, library, files, options)
        migration = migrated(library, known, files, options, pairs_of(library, known, options.accept), limits)
    broken = [*unread, *migration.broken]
    for problem in broken:
        output.note(f"ctibutler: {problem}")
    if not migration.files:
        raise click.exceptions.Exit(FAILED)
    rows = review_rows(migration)
    report = report_of(migration, rows)
    if review is not None and not check:
        write_review(migration, rows, review)
    if as_json:
        output.write_json(record_as_json(report))
    if in_place and not check:
        write_in_place(migration)
    elif not check and not (as_json and file is None):
        write_migrated(migration, file)
    if (review is None or check) and not as_json:
        note_humans(rows)
    for remark in report.remarks:
        output.note(f"look: {remark}")
    output.note(summary_of(report))
    if broken:
        raise click.exceptions.Exit(FAILED)
    counts = report.counts.handling
    looks = counts["look"] or report.remarks or any(one.is_changed for one in migration.files)
    if counts["human"] or (strict and looks):
        raise click.exceptions.Exit(NEEDS_HUMAN)


command = declared(
    migrate,
    "ctibutler migrate layer.json -o layer-18.json --review review.md",
    "ctibutler migrate rules/ --in-place --review review.csv",
    "ctibutler migrate rules/ --in-place --decisions review.csv",
    "ctibutler migrate map.xlsx --column technique_id --to 17.1 -o new.xlsx",
    "pbpaste | ctibutler migrate - --check",
)
