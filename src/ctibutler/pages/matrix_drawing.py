"""A matrix as a drawing: the place of each cell, its lines of text, and the bars of its sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Final

from ctibutler.answers.matrix import MatrixPart, MatrixTechnique
from ctibutler.pages.matrix_cells import CellInView, TacticInView

WIDTH: Final = 104
GAP: Final = 6
LINE: Final = 11
_PADDING: Final = 4
_INDENT: Final = 6
_CHARACTERS: Final = 17
_HEAD: Final = 52
_TITLE: Final = 24
_BREAK: Final = "\u200b"


@dataclass(frozen=True, slots=True)
class Box:
    """A cell in its place. `lines` are those of the name; `inside` says how many of the techniques below it are in sets."""

    x: int
    y: int
    width: int
    height: int
    technique: MatrixTechnique
    lines: Sequence[str]
    inside: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of text in its place."""

    x: int
    y: int
    text: str
    weight: str


@dataclass
class Picture:
    """A whole drawing: `width` and `height` are in its units, about a point each."""

    width: int = 0
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)


def drawn(parts: Iterable[MatrixPart], columns: Iterable[Sequence[TacticInView]]) -> Picture:
    """Return the drawing of matrices, one below the other."""
    picture = Picture()
    top = 0
    for part, of_part in zip(parts, columns, strict=True):
        picture.headings.append(Heading(0, top + 14, part.name or "Tactics of no matrix", "title"))
        lowest = top + _TITLE + _HEAD
        for place, column in enumerate(of_part):
            x = place * (WIDTH + GAP)
            _head(picture, x, top + _TITLE, column)
            y = top + _TITLE + _HEAD
            for cell in column.cells:
                y = _cell(picture, cell, x, y, WIDTH)
            lowest = max(lowest, y)
        picture.width = max(picture.width, len(of_part) * (WIDTH + GAP) - GAP)
        top = lowest + _TITLE
    picture.height = top
    return picture


def _head(picture: Picture, x: int, y: int, column: TacticInView) -> None:
    tactic = column.tactic
    lines = _wrapped(tactic.name or tactic.id, WIDTH)[:2]
    written = [(tactic.external_id or "", "id"), *((line, "tactic") for line in lines)]
    count = f"{tactic.marked:,} of {len(tactic.techniques):,}" if tactic.marked else f"{len(tactic.techniques):,}"
    for number, (text, weight) in enumerate([*written, (count, "count")], 1):
        picture.headings.append(Heading(x, y + number * LINE, text, weight))


def _cell(picture: Picture, cell: CellInView, x: int, y: int, width: int) -> int:
    """Draw a cell and what is unfolded below it, and return where the next one begins."""
    # A letter says what changed, and takes its place in the first line.
    lines = _wrapped(cell.technique.name or cell.technique.id, width, narrower=2 if cell.technique.change else 0)
    sets = [f"{letter}{count}" for letter, count in (("A", cell.in_a), ("B", cell.in_b)) if count]
    sets += [cell.changes] if cell.changes else []
    inside = f"{' '.join(sets)} of {cell.total}" if sets else f"+ {cell.total}" if cell.total else ""
    height = (len(lines) + bool(inside)) * LINE + _PADDING
    picture.boxes.append(Box(x, y, width, height, cell.technique, lines, inside))
    y += height + 2
    if cell.is_open:
        for inner in cell.below:
            y = _cell(picture, inner, x + _INDENT, y, width - _INDENT)
    return y


def _wrapped(text: str, width: int, *, narrower: int = 0) -> list[str]:
    # A line may end after a slash too.
    lines = wrap(text.replace("/", f"/{_BREAK} "), _CHARACTERS * width // WIDTH - narrower, break_long_words=True)
    return [line.replace(f"{_BREAK} ", "").replace(_BREAK, "") for line in lines] or [""]
