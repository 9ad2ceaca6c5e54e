"""Paths for people: each object on a line, and below it who says that it leads on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from ctibutler.answers.onward.chains import Chain
from ctibutler.answers.onward.coverage import Coverage, CoverageEnd
from ctibutler.answers.onward.path_records import MissingLinkSet, Path, PathHop, PathObject, Paths, Reach
from ctibutler.cli.output import text as output
from ctibutler.cli.output.tables import Column, write_table
from ctibutler.cli.output.text import counted, printable
from ctibutler.knowledge_bases import KnowledgeBases

_DAY = len("2023-06-29")
_GAP = "   "


def write_paths(found: Paths, knowledge_bases: KnowledgeBases) -> None:
    """Print all paths that are shown, then their number; if there are none, how far both ends get."""
    lines = [list(_path(path, knowledge_bases)) for path in found.paths]
    width = max((len(left) for several in lines for left, _ in several), default=0)
    longest = max((len(right) for several in lines for _, right in several), default=0)
    fits = not output.on_terminal() or width + len(_GAP) + longest <= shutil.get_terminal_size().columns
    for several in lines:
        for left, right in several:
            _write_step(f"{left:<{width}}" if fits else left, right, fits=fits)
        if len(lines) > 1:
            output.line()
    output.line(_summary(found))
    if found.reach is not None:
        output.line(_reach(found.start, found.reach.start))
        output.line(_reach(found.end, found.reach.end))
    for other in found.instead:
        rules = f"--turns {other.turns}" if other.turns != found.turns else f"--widen {other.widen}"
        output.line(f"With {rules}: {_number(other.paths, other.hops)}")
    for missing in found.missing:
        output.note(missing_links(missing))


def _write_step(left: str, right: str, *, fits: bool) -> None:
    """Print an object or a hop, and what is said of it: beside it, or below it where the terminal is too narrow for that."""
    if fits:
        output.line(f"{left}{_GAP}{right}".rstrip())
        return
    indent = " " * (len(left) - len(left.lstrip()) + 2)
    if left.startswith(" "):
        output.line(left)
        output.line(output.filled(right, indent, indent))
    else:
        output.line(output.filled(f"{left}, {right}", indent))


def write_chain(found: Chain, knowledge_bases: KnowledgeBases) -> None:
    """Print how many objects are reached in each stage, those that lead to the object first."""
    of = found.of
    output.line(f"{_named(of)}, {release_of(of.knowledge_base, of.version, knowledge_bases)}")
    told = [
        ["named", text.kind + ("s" if len(text.values) > 1 else ""), f"{len(text.values):,}", "", ""]
        for text in found.told
    ]
    rows = [
        [
            "onward" if stage.onward else "back",
            stage.stage,
            f"{stage.objects:,}",
            stage.by,
            release_of(stage.knowledge_base, stage.version, knowledge_bases),
        ]
        for stage in found.stages
    ]
    if rows or told:
        output.line()
        columns = [
            Column("DIRECTION"), Column("STAGE"), Column("OBJECTS", right=True), Column("BY"), Column("IN", cut="last")
        ]  # fmt: skip
        write_table(columns, [*told, *rows])
    else:
        output.line("Nothing leads to it, and it leads to nothing.")
    for missing in found.missing:
        output.note(missing_links(missing))


def write_coverage(found: Coverage, knowledge_bases: KnowledgeBases) -> None:
    """Print a row for each two ends, then what leads nowhere."""
    rows = [
        [
            f"{_end(row.start, knowledge_bases)} → {_end(row.end, knowledge_bases)}",
            ", ".join(row.by),
            f"{row.pairs:,} pairs" if row.links is None else f"{row.links:,} links",
            f"{row.start.related:,} of {row.start.objects:,}",
            f"{row.end.related:,} of {row.end.objects:,}",
        ]
        for row in found.rows
    ]
    if rows:
        columns = [Column("FROM → TO", cut="last"), Column("BY"), Column("HOW MANY", right=True, optional=True)]
        write_table([*columns, Column("FROM", right=True), Column("TO", right=True)], rows)
    else:
        output.line("No two knowledge bases that lead to each other are installed.")
    for one in found.nowhere:
        output.note(f"{one.external_id} names {one.names}: no live object of {one.of}")
    for missing in found.missing:
        output.note(missing_links(missing))


def _end(end: CoverageEnd, knowledge_bases: KnowledgeBases) -> str:
    name = release_of(end.knowledge_base, None, knowledge_bases)
    return end.kind if end.kind.startswith(name) else f"{name} {end.kind}"


def missing_links(missing: MissingLinkSet) -> str:
    """What is not linked, and the request that links it."""
    if missing.request is None:
        absent = missing.owner if missing.owner_version is None else missing.other
        return f"not linked, because no such release of {absent} is installed: {missing.mode}"
    body = ", ".join(f'"{name}": "{value}"' for name, value in missing.request.body.items())
    return (
        f"{missing.owner} {missing.owner_version} and {missing.other} {missing.other_version} are not linked;"
        f" {missing.request.method} {missing.request.path} {{{body}}}"
    )


def _path(path: Path, knowledge_bases: KnowledgeBases) -> Iterator[tuple[str, str]]:
    first, *others = path.objects
    yield _named(first), release_of(first.knowledge_base, first.version, knowledge_bases)
    for hop, reached in zip(path.hops, others, strict=True):
        yield _hop(hop, reached), _stated(hop, path, reached, knowledge_bases)
        yield _named(reached), release_of(reached.knowledge_base, reached.version, knowledge_bases)


def _hop(hop: PathHop, reached: PathObject) -> str:
    turned = " (turn)" if hop.turns else ""
    widened = " (widened)" if hop.widens != "none" else ""
    return printable(f"  {'↓' if hop.onward else '↑'} {hop.says} {_id(reached)}{turned}{widened}")


def _stated(hop: PathHop, path: Path, reached: PathObject, knowledge_bases: KnowledgeBases) -> str:
    first = hop.statements[0]
    by = first.stated_by
    at = f", stated {first.stated_at[:_DAY]}" if first.stated_at else ""
    near = path.objects[path.hops.index(hop)]
    other = near if by.knowledge_base == reached.knowledge_base else reached
    also = f"; {release_of(other.knowledge_base, other.version, knowledge_bases)} names it too" if first.back else ""
    more = f" (and {len(hop.statements) - 1} more)" if len(hop.statements) > 1 else ""
    return f"{release_of(by.knowledge_base, by.version, knowledge_bases)}{at}{also}{more}"


def release_of(slug: str, label: str | None, knowledge_bases: KnowledgeBases) -> str:
    """A release for people: `CWE 4.14`."""
    title = knowledge_bases.named(slug).title.removeprefix("MITRE ").replace(" for ", " ")
    return f"{title} {label or ''}".rstrip()


def _summary(found: Paths) -> str:
    if found.cut is not None:
        return (
            f"The search stopped after {found.cut.states:,} states; there is no path of"
            f" {counted(found.cut.hops_done, 'hop')} or less."
        )
    if not found.counts.paths or found.counts.hops is None:
        return f"No path from {_id(found.start)} to {_id(found.end)} within {counted(found.hops, 'hop')}"
    shown = "" if len(found.paths) == found.counts.paths else f"; --limit {min(found.counts.paths, 1000)} shows more"
    return f"{_number(found.counts.paths, found.counts.hops)}{shown}"


def _number(paths: int, hops: int) -> str:
    return f"{counted(paths, 'path')} of {counted(hops, 'hop')}"


def _reach(of: PathObject, reached: Sequence[Reach]) -> str:
    if not reached:
        return f"{_id(of)}: nothing leads from it towards the other"
    return f"{_id(of)}: {', '.join(tally(one.objects, one.kind) for one in reached)}, and no further"


def tally(number: int, kind: str) -> str:
    """A number of objects of a kind: `6 attack patterns`, `2 weaknesses`."""
    if number == 1 or kind == "software":
        return f"{number:,} {kind}"
    if kind.endswith("y"):
        return f"{number:,} {kind.removesuffix('y')}ies"
    return f"{number:,} {kind}{'es' if kind.endswith('s') else 's'}"


def _named(one: PathObject) -> str:
    return printable(f"{_id(one)} {one.name or ''}".rstrip())


def _id(one: PathObject) -> str:
    return one.external_id or one.id
