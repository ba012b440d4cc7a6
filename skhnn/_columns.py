r"""The size of columns, and which derivatives are constant up to rounding.

A derivative that is constant in truth (of a conserved momentum, of a coordinate that moves at a
constant rate) is recorded with the rounding of its own column: differences of X_j over a step dt
leave eps \|X_j\| / dt, formulas about eps \|y_j\|. Steps resolve the fastest motion, so that 1 / dt
is some hundred times the fastest rate in the data at most. Hence y_j is constant where

    spread(y_j) <= 1e3 eps max(largest(X_j) w, largest(y_j)),

w the fastest rate in the data (``fastest_rate``).

Every column is compared with itself and with rates, which do not depend on the units of columns:
the force on a body of 1e-9 kg is as good as any.
"""

from dataclasses import dataclass

import numpy as np

_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Columns:
    """Mean, standard deviation and largest magnitude of each column, all (n_columns,).

    A spread that is rounding is zero.
    """

    mean: np.ndarray
    spread: np.ndarray
    largest: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, weight: np.ndarray | None = None) -> "Columns":
        """Those of the rows of X, (n, n_columns), in pieces since X may be larger than memory."""
        rows_of_a_piece = 2**14
        pieces = [slice(k, k + rows_of_a_piece) for k in range(0, len(X), rows_of_a_piece)]
        weight = np.ones(len(X)) if weight is None else weight
        total = weight.sum()
        # As differences from a row: then the mean of a constant column is exact, however long.
        first = np.array(X[0], dtype=float)
        mean = first + sum(weight[rows] @ (X[rows] - first) for rows in pieces) / total
        square = sum(weight[rows] @ (X[rows] - mean) ** 2 for rows in pieces) / total
        largest = np.max([np.abs(X[rows]).max(axis=0) for rows in pieces], axis=0)
        spread = np.sqrt(square)
        # Values of X or y that are all smaller are refused; a column of them beside others is
        # constant.
        nothing = 1e-60
        spread[(spread <= 10 * _EPS * largest) | (spread < nothing)] = 0.0
        return cls(np.asarray(mean), spread, largest)


def fastest_rate(X: Columns, y: Columns) -> float:
    """The largest spread(y_j) / spread(X_j), an inverse time; zero where nothing varies.

    (The largest frequency of a degree of freedom, sqrt of the product of the ratios of q_i and p_i,
    would not mind a coordinate that is recorded in a narrow window. But it means nothing where the
    columns are not what they are taken for, and then rounding of a label became a target.)
    """
    ratios = np.divide(y.spread, X.spread, out=np.zeros_like(y.spread), where=X.spread > 0)
    return float(ratios.max())


def rounding_of_derivatives(X: Columns, y: Columns) -> np.ndarray:
    """The spread up to which a derivative counts as constant, (n_columns,)."""
    return 1e3 * _EPS * np.maximum(X.largest * fastest_rate(X, y), y.largest)


def is_constant(X: Columns, y: Columns) -> np.ndarray:
    """Which columns of y = dX/dt are constant up to rounding, a mask (n_columns,)."""
    return y.spread <= rounding_of_derivatives(X, y)
