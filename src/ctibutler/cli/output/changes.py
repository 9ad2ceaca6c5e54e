"""The changes between two releases, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ctibutler.answers.changes import Change, ChangesPage
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.knowledge_bases.declaration import KnowledgeBase
from ctibutler.knowledge_bases.kinds import kind_of
from ctibutler.stix.objects import RELATIONSHIP

_COLUMNS = [Column("CHANGE"), Column("ID"), Column("KIND"), Column("NAME", cut="last")]
_PROPERTIES = Column("PROPERTIES", cut="first")
_TIME_OF_CHANGE = "modified"


def write_changes(found: ChangesPage, kb: KnowledgeBase, types: Sequence[str] | None, *, filtered: bool) -> None:
    """Print the counts of objects and relationships, of these STIX types or all, then a row for each change.

    `filtered` says that only some changes were asked for.
    """
    output.line(f"{found.knowledge_base} {found.since} to {found.release}")
    for what, passes in _groups(types):
        counts = ", ".join(f"{number:,} {kind}" for kind, number in found.counted(passes).items() if number)
        output.line(output.filled(f"{what:<15}{counts or 'none'}", " " * 15))
    if found.page.items:
        output.line()
    with_properties = any(change.changed_properties for change in found.page.items)
    columns = [*_COLUMNS, _PROPERTIES] if with_properties else _COLUMNS
    write_table(columns, [_row(kb, change)[: len(columns)] for change in found.page.items])
    noun = "matching change" if filtered and not found.page.total else "change"
    output.note(output.page_note(found.page, noun))


def _groups(types: Sequence[str] | None) -> list[tuple[str, Callable[[str], bool]]]:
    """Objects and relationships, or those of them that are asked for, each with a test of a STIX type."""
    wanted = None if types is None else set(types)
    groups: list[tuple[str, Callable[[str], bool]]] = []
    if wanted is None or wanted - {RELATIONSHIP}:
        groups.append(("objects", lambda kind: kind != RELATIONSHIP and (wanted is None or kind in wanted)))
    if wanted is None or RELATIONSHIP in wanted:
        groups.append(("relationships", lambda kind: kind == RELATIONSHIP))
    return groups


def _row(kb: KnowledgeBase, change: Change) -> list[str]:
    return [
        change.change,
        change.external_id or change.id,
        kind_of(kb, change.type, (change.after or change.before)[0].properties),
        change.name or "",
        ", ".join(_telling(change.changed_properties)),
    ]


def _telling(properties: Sequence[str]) -> Sequence[str]:
    """The properties without the time of the change, which changes with every other."""
    return [name for name in properties if name != _TIME_OF_CHANGE] or properties
