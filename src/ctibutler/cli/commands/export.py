"""The command `export`: a release as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click

from ctibutler.cli.completion import candidates
from ctibutler.cli.declaring import argument, declared, option
from ctibutler.cli.output import text as output
from ctibutler.cli.session import session_of
from ctibutler.cli.targets import read_installed
from ctibutler.errors import InvalidRequest


class ExportFormat(StrEnum):
    """What an export is written as."""

    STIX = "stix"
    ARANGODB = "arangodb"
    XLSX = "xlsx"


def export(
    context: click.Context,
    target: Annotated[
        str, argument("KB[@RELEASE]", "The release to export. Default: the latest one installed.", candidates.installed)
    ],
    to: Annotated[
        Path,
        option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this file, or to standard output if it is `-`. For ArangoDB: a folder.",
        ),
    ],
    form: Annotated[
        ExportFormat,
        option("--format", help="A STIX 2.1 bundle, lines of JSON for arangoimport, or an Excel workbook."),
    ] = ExportFormat.STIX,
    derived: Annotated[bool, option("--derived", help="Include the relationships that ctibutler derived.")] = False,
) -> None:
    """Export a release as a STIX bundle, for ArangoDB, or as an Excel workbook.

    A workbook has a sheet for each kind of objects, one with the matrix, and others with relationships, detections and
    citations.
    """
    from ctibutler.cli.finding import refuse_absent
    from ctibutler.cli.output.exports import (
        export_arangodb,
        export_bundle,
        export_workbook,
        print_bundle,
        print_workbook,
    )

    session = session_of(context)
    asked = read_installed(session, target)
    if derived and form is ExportFormat.ARANGODB:
        raise InvalidRequest(
            "--derived is for STIX bundles; collections for ArangoDB contain these relationships anyway"
        )
    if derived and form is ExportFormat.XLSX:
        raise InvalidRequest("--derived is for STIX bundles")
    to_standard_output = str(to) == "-"
    if to_standard_output and form is ExportFormat.XLSX and output.on_terminal():
        raise InvalidRequest("--format xlsx: a terminal cannot show it; write it to a file with -o")
    if to_standard_output and form is ExportFormat.ARANGODB:
        raise InvalidRequest("--output: collections for ArangoDB are two files; name a folder")
    with session.library() as library:
        refuse_absent(library, [asked.kb], asked.label)
        if to_standard_output and form is ExportFormat.XLSX:
            print_workbook(library, asked)
            return
        if to_standard_output:
            print_bundle(library, asked, include_derived=derived)
            return
        if form is ExportFormat.STIX:
            written = export_bundle(library, asked, to, include_derived=derived)
        elif form is ExportFormat.XLSX:
            written = export_workbook(library, asked, to)
        else:
            written = export_arangodb(library, asked, to)
    for path, size in written:
        output.line(f"{path}  {output.size_text(size)}")


command = declared(
    export,
    "ctibutler export attack-enterprise@18.1 -o enterprise.json",
    "ctibutler export cwe@4.14 -o - | jq '.objects | length'",
    "ctibutler export cwe@4.14 --format arangodb -o ./arangodb",
    "ctibutler export attack-enterprise@18.1 --format xlsx -o enterprise.xlsx",
)
