"""Converts DISARM's master workbook to STIX: the sheets `tactics` and `techniques`, whose columns are found by name.

The objects and their order equal the result of upstream's converter for the same workbook.

A workbook is rejected if an object could not be identified: a sheet or column is missing, a row has no id or name, an id
occurs twice, or a cell has a number instead of text. If the tactic of a technique is unknown, the technique has no kill
chain phase; if the technique of a sub-technique is unknown, there is no relationship; both are logged. Rows that are blank
in the columns read here are skipped. A missing summary is an empty description.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from ctibutler.errors import MalformedFile
from ctibutler.publishers.converters.common_properties import common_properties
from ctibutler.publishers.converters.conversion import Converted, Converter, Description, Edition, ObjectRules, Rule
from ctibutler.publishers.converters.workbooks import NotText, Row, Workbook, read_workbook
from ctibutler.stix import seeds
from ctibutler.stix.identifiers import (
    disarm_matrix_id,
    disarm_relationship_id,
    disarm_tactic_id,
    disarm_technique_id,
    seed_identity_id,
    seed_marking_definition_id,
)
from ctibutler.stix.markings import TLP_CLEAR

_log = logging.getLogger(__name__)

_FILE: Final = "DISARM workbook"
_PAGES: Final = "https://raw.githubusercontent.com/DISARMFoundation/DISARMframeworks/main/generated_pages"

RELEASE_DAYS: Final[Mapping[str, date]] = MappingProxyType(
    {
        "1.2": date(2023, 8, 10),
        "1.3": date(2023, 9, 13),
        "1.4": date(2024, 3, 14),
        "1.5": date(2024, 8, 2),
        "1.6": date(2024, 11, 22),
    }
)
"""When releases were published. Workbooks do not state it: 1.4 was saved the day before, and 1.5 has no date."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tactic or technique, as in its row. A tactic has no `tactic_id`."""

    disarm_id: str
    name: str
    summary: str
    tactic_id: str = ""


def convert(content: bytes, edition: Edition) -> Converted:
    """The objects of one release: tactics, techniques, the relationships of sub-techniques, and the matrix.

    Raises MalformedFile if the file is not DISARM's workbook, or if the date of the release is unknown.
    """
    workbook = read_workbook(content, _FILE)
    modified = f"{_release_day(edition, workbook)}T00:00:00.000Z"
    tactics = _entries(workbook, "tactics", ("disarm_id", "name", "summary"))
    techniques = _entries(workbook, "techniques", ("disarm_id", "name", "summary", "tactic_id"))
    return Converted(
        [
            *(_tactic(tactic, modified) for tactic in tactics.values()),
            *(_technique(technique, tactics, modified) for technique in techniques.values()),
            *_relationships(techniques, modified),
            seeds.retired_tool_identity("disarm2stix"),
            seeds.tool_marking_definition("disarm2stix"),
            _matrix(tactics.values(), modified),
        ]
    )


def _release_day(edition: Edition, workbook: Workbook) -> date:
    day = RELEASE_DAYS.get(edition.label) or edition.published or workbook.modified
    if day is None:
        raise MalformedFile(
            f"{_FILE}: the date of release {edition.label} is unknown: neither its source nor the workbook states it"
        )
    return day


def _entries(workbook: Workbook, sheet: str, columns: Sequence[str]) -> dict[str, _Entry]:
    """The entries of a sheet by id, in the order of the rows."""
    where = f"{_FILE}: {sheet}"
    rows = workbook.rows(sheet)
    places = _places(next(rows, None), columns, where)
    entries: dict[str, _Entry] = {}
    for row in rows:
        if not row.cells.keys() & places.values():
            continue
        entry = _entry(row, places, f"{where}: row {row.number}")
        if entry.disarm_id in entries:
            raise MalformedFile(f"{where}: row {row.number}: duplicate id {entry.disarm_id}")
        entries[entry.disarm_id] = entry
    if not entries:
        raise MalformedFile(f"{where}: no rows below the column names")
    return entries


def _places(header: Row | None, columns: Sequence[str], where: str) -> dict[str, int]:
    """The number of each column. The names are in the first row that is not blank."""
    named = {} if header is None else {place: str(cell).strip() for place, cell in header.cells.items()}
    places: dict[str, int] = {}
    for column in columns:
        found = [place for place, name in named.items() if name == column]
        if len(found) != 1:
            raise MalformedFile(f"{where}: expected one column {column}, found {len(found)}")
        places[column] = found[0]
    return places


def _entry(row: Row, places: Mapping[str, int], where: str) -> _Entry:
    texts: dict[str, str] = {}
    for column, place in places.items():
        cell = row.cells.get(place, "")
        if isinstance(cell, NotText):
            raise MalformedFile(f"{where}: {column}: expected text, found {cell}")
        texts[column] = cell
    for column in ("disarm_id", "name"):
        if not texts[column]:
            raise MalformedFile(f"{where}: no {column}")
    return _Entry(
        disarm_id=texts["disarm_id"].strip(),
        name=texts["name"],
        summary=texts["summary"],
        tactic_id=texts.get("tactic_id", "").strip(),
    )


def _tactic(tactic: _Entry, modified: str) -> dict[str, Any]:
    return {
        **_head("x-mitre-tactic", disarm_tactic_id(tactic.disarm_id), modified),
        "name": tactic.name,
        "description": tactic.summary,
        "external_references": [_reference(tactic, "tactics")],
        "object_marking_refs": _markings(),
        "x_mitre_shortname": _slug(tactic.name),
    }


def _technique(technique: _Entry, tactics: Mapping[str, _Entry], modified: str) -> dict[str, Any]:
    tactic = tactics.get(technique.tactic_id)
    if tactic is None:
        _log.warning(
            "%s: tactic %r is not in the workbook; no kill chain phase", technique.disarm_id, technique.tactic_id
        )
    phase = {} if tactic is None else {"kill_chain_phases": [_phase(tactic)]}
    return {
        **_head("attack-pattern", disarm_technique_id(technique.disarm_id), modified),
        "name": technique.name,
        "description": technique.summary,
        **phase,
        "external_references": [_reference(technique, "techniques")],
        "object_marking_refs": _markings(),
        "x_mitre_is_subtechnique": "." in technique.disarm_id,
        "x_mitre_platforms": ["Windows", "Linux", "Mac"],
        "x_mitre_version": "2.1",
    }


def _relationships(techniques: Mapping[str, _Entry], modified: str) -> Iterator[dict[str, Any]]:
    for sub_technique in techniques:
        technique, dot, _ = sub_technique.partition(".")
        if dot and technique in techniques:
            yield _relationship(sub_technique, technique, modified)
        elif dot:
            _log.warning("%s: technique %s is not in the workbook; no relationship", sub_technique, technique)


def _relationship(sub_technique: str, technique: str, modified: str) -> dict[str, Any]:
    source, target = disarm_technique_id(sub_technique), disarm_technique_id(technique)
    return {
        **_head("relationship", disarm_relationship_id(source, target), modified),
        "relationship_type": "subtechnique-of",
        "source_ref": source,
        "target_ref": target,
        "object_marking_refs": _markings(),
    }


def _matrix(tactics: Iterable[_Entry], modified: str) -> dict[str, Any]:
    return {
        **_head("x-mitre-matrix", disarm_matrix_id(), modified),
        "name": "DISARM Red Framework",
        "description": "Incident creator TTPs.",
        "tactic_refs": [disarm_tactic_id(tactic.disarm_id) for tactic in tactics],
        "external_references": [
            {"source_name": "DISARM", "url": "https://www.disarm.foundation/", "external_id": "DISARM"}
        ],
        "object_marking_refs": _markings(),
    }


def _head(object_type: str, stix_id: str, modified: str) -> dict[str, Any]:
    creator = seed_identity_id("disarm2stix")
    return common_properties(object_type, stix_id, created_by=creator, created=seeds.EPOCH, modified=modified)


def _reference(entry: _Entry, folder: str) -> dict[str, str]:
    return {
        "source_name": "DISARM",
        "url": f"{_PAGES}/{folder}/{entry.disarm_id}.md",
        "external_id": entry.disarm_id,
    }


def _phase(tactic: _Entry) -> dict[str, str]:
    return {"kill_chain_name": "disarm", "phase_name": _slug(tactic.name)}


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _markings() -> list[str]:
    return [TLP_CLEAR, seed_marking_definition_id("disarm2stix")]


CONVERTER: Final = Converter(
    "disarm-xlsx",
    1,
    convert,
    Description(
        title="DISARM's master workbook",
        reads="the sheets `tactics` and `techniques` of DISARM_FRAMEWORKS_MASTER.xlsx; columns are found by name",
        objects=(
            ObjectRules(
                kind="x-mitre-tactic",
                of="each row of `tactics`",
                id_text="`disarm_id`, such as `TA05`",
                rules=(
                    Rule("name", "`name`"),
                    Rule("description", "`summary`; empty if the cell is"),
                    Rule("x_mitre_shortname", "the name in lower case, with `-` for each space"),
                    Rule("external_references", "`DISARM`, with the id and the URL of the tactic's generated page"),
                ),
            ),
            ObjectRules(
                kind="attack-pattern",
                of="each row of `techniques`",
                id_text="`disarm_id`, such as `T0086.003`",
                rules=(
                    Rule("name", "`name`"),
                    Rule("description", "`summary`; empty if the cell is"),
                    Rule(
                        "kill_chain_phases",
                        "kill chain `disarm`, with the short name of the tactic in `tactic_id`; "
                        "left out if `tactics` has no such row",
                    ),
                    Rule("external_references", "`DISARM`, with the id and the URL of the generated page"),
                    Rule("x_mitre_is_subtechnique", "whether the id has a dot"),
                    Rule("x_mitre_platforms", "always `Windows`, `Linux`, `Mac`"),
                    Rule("x_mitre_version", "always `2.1`"),
                ),
            ),
            ObjectRules(
                kind="relationship",
                of="each sub-technique whose technique (the id before the dot) is in the sheet",
                id_text="the STIX id of the sub-technique, `+` and the STIX id of the technique",
                rules=(Rule("relationship_type", "`subtechnique-of`, from the sub-technique to its technique"),),
            ),
            ObjectRules(
                kind="x-mitre-matrix",
                of="the workbook as a whole",
                id_text="`DISARM Red Framework`",
                rules=(
                    Rule("name", "`DISARM Red Framework`"),
                    Rule("description", "always `Incident creator TTPs.`"),
                    Rule("tactic_refs", "the tactics, in the order of their sheet"),
                    Rule("external_references", "`DISARM`, with the URL of the foundation"),
                ),
            ),
        ),
        remarks=(
            "`created` is always 2020-01-01. `modified` is the date of the release: the real one for 1.2 to 1.6, otherwise "
            "the one that the source of the file states, otherwise the day on which the workbook was saved.",
            "`created_by_ref` is the identity of disarm2stix. `object_marking_refs` are TLP:CLEAR and the marking definition "
            "of disarm2stix. The identity and the marking definition are objects of the release.",
        ),
        differences=(
            "A blank summary is an empty description; upstream's converter writes `nan`. None of the releases from 1.4 to 1.6 "
            "has a blank summary.",
            "All tactics of the workbook are converted; upstream's converter knows sixteen and fails on others.",
        ),
    ),
)
