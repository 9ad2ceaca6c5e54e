"""Weighted alternating least squares over implicit feedback: how likely a column is, given those that were seen.

The only module that needs numpy. Import it late: numpy alone is a fifth of what a server loads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

FACTORS, ROUNDS, REGULARISATION, UNOBSERVED_WEIGHT = 32, 10, 3.0, 0.05
START_DEVIATION = 0.1
DECIMALS = 6


def factorise(rows: Sequence[Sequence[int]], columns: int) -> Matrix:
    """Return the factors of the columns.

    `rows` holds the column numbers that each row was seen with. Observed entries weigh 1, all others
    UNOBSERVED_WEIGHT; the same input always returns the same factors.
    """
    generator = np.random.default_rng(0)
    row_factors = generator.normal(0.0, START_DEVIATION, (len(rows), FACTORS))
    column_factors = generator.normal(0.0, START_DEVIATION, (columns, FACTORS))
    seen_by_column: list[list[int]] = [[] for _ in range(columns)]
    for number, seen in enumerate(rows):
        for column in seen:
            seen_by_column[column].append(number)
    by_row, by_column = _as_arrays(rows), _as_arrays(seen_by_column)
    for _ in range(ROUNDS):
        row_factors = _solved(by_row, column_factors)
        column_factors = _solved(by_column, row_factors)
    return column_factors


def scores(factors: Matrix, observed: Sequence[int]) -> list[float]:
    """Return how well each column goes with the observed ones, rounded to DECIMALS."""
    new_row = _solved(_as_arrays([observed]), factors)[0]
    return [float(score) for score in np.round(factors @ new_row, DECIMALS)]


def _as_arrays(seen: Sequence[Sequence[int]]) -> list[Numbers]:
    return [np.array(observed, dtype=np.intp) for observed in seen]


def _solved(seen: Sequence[Numbers], others: Matrix) -> Matrix:
    """The factors that fit best to what each was seen with, given those of the other side."""
    shared = UNOBSERVED_WEIGHT * (others.T @ others) + REGULARISATION * np.eye(FACTORS)
    present = [number for number, observed in enumerate(seen) if observed.size]
    weights = np.empty((len(present), FACTORS, FACTORS))
    sums = np.empty((len(present), FACTORS, 1))
    for place, number in enumerate(present):
        mine = others.take(seen[number], axis=0)
        np.dot(mine.T, mine, out=weights[place])
        np.add.reduce(mine, axis=0, out=sums[place, :, 0])
    weights *= 1.0 - UNOBSERVED_WEIGHT
    weights += shared
    solved = np.zeros((len(seen), FACTORS))
    # All at once: calling numpy for each costs more than solving.
    solved[present] = np.linalg.solve(weights, sums)[:, :, 0]
    return solved
