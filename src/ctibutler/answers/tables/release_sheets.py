"""A release as sheets of a workbook: a sheet for each kind, the matrix, relationships, detections, citations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ctibutler.answers.arrangements import order_of_tactics, platforms_of
from ctibutler.answers.asking.answering import MOST_EVIDENCE
from ctibutler.answers.asking.question_records import QuestionQuery
from ctibutler.answers.asking.questions import ask
from ctibutler.answers.library import Library
from ctibutler.answers.naming import installed_release
from ctibutler.answers.object_view import ObjectView, views
from ctibutler.answers.objects import shown_types
from ctibutler.answers.pages import WHOLE
from ctibutler.answers.portions import Unchanged
from ctibutler.answers.tables.end_names import EndNames
from ctibutler.answers.tables.object_tables import object_columns
from ctibutler.answers.tables.question_tables import LedPath, led_paths
from ctibutler.answers.tables.relationship_tables import SHEET_COLUMNS, with_ends
from ctibutler.answers.tables.table import Cell, Row, Sheet, TableColumn, as_text, names_of, rows_of
from ctibutler.catalog import objects as catalog
from ctibutler.catalog.engine.connection import Connection
from ctibutler.catalog.members import member_keys
from ctibutler.catalog.releases import Release
from ctibutler.knowledge_bases.declaration import KnowledgeBase, LogSource
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.objects import RELATIONSHIP, citations

TACTIC, TECHNIQUE = "Tactic", "Technique"
TECHNIQUES, DATA_COMPONENTS = "techniques", "data-components"
_OTHERS = ("matrix", "relationships", "detections", "citations", "about")
"""The names of sheets that are not about kinds."""

_NO_LOG_SOURCE = LogSource("", "")
_LONGEST_NAME = 31
_NOT_IN_NAMES = re.compile(r"[\\/*?:\[\]']")


@dataclass(frozen=True, slots=True)
class ReleaseSheets:
    """The sheets of a release, each with its name, to be written in their order. `name` is the stem of a file name."""

    name: str
    title: str
    digest: str
    installed_at: int
    sheets: Iterator[tuple[str, Sheet]]


@dataclass(slots=True)
class _Cited:
    """A citation, and how many objects have it."""

    name: str
    description: str
    url: str
    objects: int = 0


_CITED: TableColumn[ObjectView] = TableColumn(
    "citations", lambda item: [str(reference.get("source_name", "")) for reference in citations(item.properties)]
)
_CITATIONS: tuple[TableColumn[_Cited], ...] = (
    TableColumn("name", lambda item: item.name),
    TableColumn("citation", lambda item: item.description),
    TableColumn("url", lambda item: item.url),
    TableColumn("objects", lambda item: item.objects),
)


def release_sheets(library: Library, kb: KnowledgeBase, label: str | None) -> ReleaseSheets:
    """Return a release as sheets. They are read while they are written, some hundred objects at a time.

    Raises NotFound if the release is not installed.
    """
    with library.database.read() as connection:
        release = installed_release(connection, kb, label)
        source = Unchanged.since(connection, library.database, [release])
        keys = {
            name: member_keys(connection, release, types)
            for name, types in {**_by_kind(kb, release), RELATIONSHIP + "s": [RELATIONSHIP]}.items()
        }
    return ReleaseSheets(
        f"{kb.slug}-{release.label}",
        f"{kb.title} {release.label}",
        release.digest,
        release.installed_at,
        _sheets(library, kb, release, source, keys),
    )


def _by_kind(kb: KnowledgeBase, release: Release) -> dict[str, list[str]]:
    """Sheet → STIX types: kinds that share their types, as techniques and sub-techniques do, share a sheet."""
    declared = [stix_type for word in kb.kinds for stix_type in word.types]
    named: dict[str, list[str]] = {}
    for stix_type in sorted(shown_types(kb, release), key=[*declared, *shown_types(kb, release)].index):
        word = next((word.word for word in kb.kinds if stix_type in word.types), kind_of(kb, stix_type))
        name = _NOT_IN_NAMES.sub(" ", word.lower())[:_LONGEST_NAME]
        named.setdefault(f"{name} objects" if name in _OTHERS else name, []).append(stix_type)
    return named


def _sheets(
    library: Library, kb: KnowledgeBase, release: Release, source: Unchanged, keys: dict[str, list[int]]
) -> Iterator[tuple[str, Sheet]]:
    cited: dict[tuple[str, str], _Cited] = {}
    names = EndNames([(kb, release)])

    def read(connection: Connection, portion: Sequence[int]) -> list[ObjectView]:
        found = views(catalog.contents(connection, portion), kb, release.label)
        for view in found:
            _cite(cited, view)
        return list(found)

    *kinds, related = keys
    for name in kinds:
        types = {
            stix_type for sheet, several in _by_kind(kb, release).items() if sheet == name for stix_type in several
        }
        *first, description = object_columns(kb, types, kb.sheet_columns)
        columns = [*first, _CITED, description]
        yield name, Sheet(names_of(columns), rows_of(columns, source.portions(keys[name], read)))
    matrix = _matrix(library, kb, release)
    if matrix is not None:
        yield "matrix", matrix
    if keys[related]:
        relationships = source.portions(
            keys[related], lambda connection, portion: with_ends(connection, names, read(connection, portion))
        )
        yield related, Sheet(names_of(SHEET_COLUMNS), rows_of(SHEET_COLUMNS, relationships))
    detections = _detections(library, kb, release)
    if detections is not None:
        yield "detections", detections
    if cited:
        ordered = sorted(cited.values(), key=lambda item: (item.name.casefold(), item.name, item.url))
        yield "citations", Sheet(names_of(_CITATIONS), rows_of(_CITATIONS, [ordered]))


def _cite(cited: dict[tuple[str, str], _Cited], view: ObjectView) -> None:
    known = set()
    for reference in citations(view.properties):
        mark = (str(reference.get("source_name", "")), str(reference.get("url", "")))
        if mark not in known:
            known.add(mark)
            cited.setdefault(mark, _Cited(mark[0], str(reference.get("description", "")), mark[1])).objects += 1


def _asks(kb: KnowledgeBase, word: str, kind: str | None = None) -> bool:
    return any(question.word == word and (kind is None or kind in question.of) for question in kb.questions)


def _matrix(library: Library, kb: KnowledgeBase, release: Release) -> Sheet | None:
    """A column for each tactic, in the order of the matrix: live techniques with their sub-techniques below them."""
    if not _asks(kb, TECHNIQUES, TACTIC):
        return None
    query = QuestionQuery(release.label, WHOLE, of=TACTIC, evidence=False)
    found = ask(library, kb, None, TECHNIQUES, query)
    columns: dict[str, list[str]] = {}
    headings: dict[str, str] = {}
    for row in found.page.items:
        if row.of is not None:
            headings[row.of.id] = f"{row.of.external_id or ''} {row.of.name or ''}".strip()
            shown = f"{row.object.external_id or ''} {row.object.name or ''}".strip()
            columns.setdefault(row.of.id, []).append(shown)
    ordered = [name for name in _order_of_tactics(library, release) if name in columns]
    ordered += sorted(columns.keys() - set(ordered), key=lambda name: headings[name])
    rows = zip_longest(*(columns[name] for name in ordered), fillvalue="")
    return Sheet(tuple(headings[name] for name in ordered), (Row(cells, None) for cells in rows)) if ordered else None


def _order_of_tactics(library: Library, release: Release) -> list[str]:
    """The STIX ids of tactics, as the matrices of a release name them."""
    types = [name for name in release.types if name.endswith("-matrix")]
    with library.database.read() as connection:
        matrices = views(catalog.contents(connection, member_keys(connection, release, types))) if types else []
    return list(order_of_tactics(matrices))


def _detections(library: Library, kb: KnowledgeBase, release: Release) -> Sheet | None:
    """A row for each log source in which a technique can be seen, or for each data component if a release names no log
    sources. What lies between has columns of its own for each kind, such as detection strategies and analytics."""
    if kb.log_sources is None or not _asks(kb, DATA_COMPONENTS, TECHNIQUE):
        return None
    query = QuestionQuery(release.label, WHOLE, of=TECHNIQUE, evidence_limit=MOST_EVIDENCE)
    found = ask(library, kb, None, DATA_COMPONENTS, query)
    between = {view.id: view for view in found.through}
    kinds = {stix_id: kind_of(kb, view.type, view.properties) for stix_id, view in between.items()}
    paths = list(led_paths(found))
    ordered = list(dict.fromkeys(kinds[stix_id] for path in paths for stix_id in path.between_ids))
    headings = [name for kind in ordered for name in (f"{_heading(kind)}_id", _heading(kind))]
    columns = (
        "technique_id", "technique", "via", *headings, "platforms", "data_component_id", "data_component", "log_source",
        "channel", "description",
    )  # fmt: skip
    return Sheet(columns, _seen(kb, paths, between, {kind: place for place, kind in enumerate(ordered)}))


def _heading(kind: str) -> str:
    return kind.lower().replace(" ", "_")


def _seen(
    kb: KnowledgeBase, paths: Sequence[LedPath], between: Mapping[str, ObjectView], places: Mapping[str, int]
) -> Iterator[Row]:
    """`places` says in which pair of columns each kind of what lies between is."""
    assert kb.log_sources is not None
    for path in paths:
        component, start = path.row.object, path.start
        through = [between[stix_id] for stix_id in path.between_ids]
        pairs: list[tuple[str | None, str | None]] = [(None, None)] * len(places)
        for view in through:
            pairs[places[kind_of(kb, view.type, view.properties)]] = (view.external_id, view.name)
        read = kb.log_sources(through[-1].properties, component.id) if through else []
        for log_source in dict.fromkeys(read) or [_NO_LOG_SOURCE]:
            cells: tuple[Cell, ...] = (
                start.external_id if start else None, start.name if start else None, path.via,
                *(cell for pair in pairs for cell in pair), platforms_of(kb, through[-1]) if through else None,
                component.external_id, component.name, log_source.name, log_source.channel, path.text,
            )  # fmt: skip
            yield Row(tuple(as_text(cell) for cell in cells), None)
