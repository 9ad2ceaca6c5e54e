"""The cells of a matrix as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ctibutler.answers.matrix import Change, MatrixCell, MatrixTactic, MatrixTechnique

CHANGE_LETTERS: Final[dict[Change, str]] = {"new": "N", "moved": "M", "renamed": "R", "edited": "E"}


@dataclass(frozen=True)
class CellInView:
    """A cell as it is drawn: the techniques below it, how many of them each set has, the letters of
    what changed of them, and whether they are unfolded."""

    cell: MatrixCell
    address: str
    below: Sequence[CellInView]
    total: int
    in_a: int
    in_b: int
    changes: str
    is_open: bool

    @property
    def technique(self) -> MatrixTechnique:
        """The technique."""
        return self.cell.technique

    @property
    def name(self) -> str:
        """The name of the technique."""
        return self.cell.technique.name or self.cell.technique.id


@dataclass(frozen=True)
class TacticInView:
    """A column as it is drawn."""

    tactic: MatrixTactic
    address: str
    cells: Sequence[CellInView]
