"""The data of a fit: weighted rows of states and derivatives, in the units of ``Scaling``."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .._scaling import Scaling
from ..hamiltonians import Canonical, Layout, Structure

# Arrays up to this size are standardised once; larger ones, which may lie in a file (numpy.memmap),
# piece by piece whenever a piece is asked for.
_BYTES_TO_KEEP = 2**26
_ROWS_OF_A_PIECE = 2**14


class Problem:
    """Rows (x', y', weight) in the units of ``Scaling``; the weights sum to one.

    Parameters
    ----------
    X, y : (n, k) and (n, D) arrays
        States, perhaps with further columns, and their time derivatives; never copied as a whole if
        they are large.
    weight : (n,) array
        Weights of the rows, positive.
    groups : (n,) array or None
        The trajectory of each row.
    scaling : Scaling
        The units; its ``w`` are the weights of the columns in the loss.
    index : (m,) integer array or None
        The rows that belong to the problem, None for all.
    layout : Layout or None
        What the columns are; None for canonical states alone.
    structure : Structure or None
        S of dx/dt = S(x) grad H, in the units of the data; None for the canonical one.
    input_matrix : (d, n_inputs) array or None
        The known force G u of a Lagrangian.
    """

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        groups: np.ndarray | None,
        scaling: Scaling,
        index: np.ndarray | None = None,
        layout: Layout | None = None,
        structure: Structure | None = None,
        input_matrix: np.ndarray | None = None,
    ):
        self.X, self.y, self.weight, self.groups = X, y, weight, groups
        self.scaling, self.index = scaling, index
        self.layout, self.structure = layout or Layout(X.shape[1]), structure or Canonical()
        self.input_matrix = input_matrix
        self.total_weight = float(weight.sum() if index is None else weight[index].sum())
        self._kept: tuple[np.ndarray, np.ndarray] | None = None
        if X.nbytes <= _BYTES_TO_KEEP:
            self._kept = scaling.states(X), scaling.field(y)

    @property
    def n_samples(self) -> int:
        """The number of rows."""
        return len(self.X) if self.index is None else len(self.index)

    @property
    def n_features(self) -> int:
        """The number of columns of X."""
        return self.X.shape[1]

    @property
    def n_targets(self) -> int:
        """The number of columns of y: those of the state, D."""
        return self.y.shape[1]

    @property
    def is_plain(self) -> bool:
        """Whether the columns are those of canonical states, and no others."""
        return self.structure.is_canonical and self.n_features == self.n_targets

    @property
    def mean_weight(self) -> float:
        """The mean of the weights of the rows."""
        return self.total_weight / self.n_samples

    def take(self, rows: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x' (m, k), y' (m, D) and weights (m,) of some rows, counted within the problem."""
        if self.index is not None:
            rows = self.index[rows]
        c = self.weight[rows] / self.total_weight
        if self._kept is not None:
            return self._kept[0][rows], self._kept[1][rows], c
        X, y = np.asarray(self.X[rows]), np.asarray(self.y[rows])
        return self.scaling.states(X), self.scaling.field(y), c

    def equations(self, rows: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x' (m, k), y' (m, D) of some rows, and the square roots of the weights of the equations.

        In units in which every target that varies has a spread of one; the weights of the rows are
        those of the data.
        """
        X, y, c = self.take(rows)
        n_varying = np.isnan(self.scaling.constant).sum()
        root = np.sqrt(c * self.total_weight)[:, None] * np.sqrt(self.scaling.w * n_varying)
        return X, y, root

    def weight_of(self, rows: np.ndarray) -> float:
        """The sum of the weights of some rows."""
        return float(self.weight[rows if self.index is None else self.index[rows]].sum())

    def rows(self, rows: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x (m, k) and y (m, D), in the units of the data, and the weights (m,) of some rows."""
        if self.index is not None:
            rows = self.index[rows]
        return np.asarray(self.X[rows]), np.asarray(self.y[rows]), self.weight[rows]

    def rows_in_units(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x' (m, k) and y' (m, D) of all rows, and their weights (m,), those of the data."""
        X, y, c = self.take(slice(None))
        return X, y, c * self.total_weight

    def pieces(self, n_rows: int = _ROWS_OF_A_PIECE) -> Iterator[slice]:
        """All rows as slices of at most ``n_rows``."""
        return (slice(start, start + n_rows) for start in range(0, self.n_samples, n_rows))

    def subset(self, rows: np.ndarray) -> "Problem":
        """The problem of some of the rows; shares the arrays, and the scaling."""
        part = self._copy()
        part.index = rows if self.index is None else self.index[rows]
        part.total_weight = float(self.weight[part.index].sum())
        return part

    def with_no_constant(self) -> "Problem":
        """The same, where no derivative is taken for a constant one."""
        other = self._copy()
        other.scaling = replace(self.scaling, constant=np.full(self.n_targets, np.nan))
        return other

    def with_constant(self, which: np.ndarray) -> "Problem":
        """The same, where these derivatives, (D,) of bool, are taken for constant at their mean."""
        if not which.any():
            return self
        _, y, c = self.take(slice(None, None, -(-self.n_samples // _ROWS_OF_A_PIECE)))
        mean = np.average(y[:, which], axis=0, weights=c)
        error = y[:, which].std(axis=0) / np.sqrt(len(y))
        other = self._copy()
        # A mean of so many standard errors is none by chance.
        clear = 4.0
        other.scaling = self.scaling.with_constant(
            which, np.where(np.abs(mean) > clear * error, mean, 0.0)
        )
        return other

    def without_groups(self) -> "Problem":
        """The same, of rows that belong to no runs."""
        other = self._copy()
        other.groups = None
        return other

    def with_column_weights(self, w: np.ndarray) -> "Problem":
        """The same with other weights of the columns of the field in the loss."""
        other = self._copy()
        other.scaling = replace(self.scaling, w=w)
        return other

    def reweighted(self, typical: float) -> "Problem":
        r"""The rows with weights c / (1 + (\|y\| / typical)^2), for heavy-tailed derivatives.

        Then no row counts for much more than a typical one, however large its derivative. The
        square root of these weights left 1.6 times the error and 3 times its median (three bodies).
        """
        part = self._copy()
        part.weight = self.weight.copy()
        for rows in self.pieces():
            _, y, _ = self.take(rows)
            index = rows if self.index is None else self.index[rows]
            part.weight[index] /= 1.0 + (y * y) @ self.scaling.w / typical**2
        used = part.weight if self.index is None else part.weight[self.index]
        part.total_weight = float(used.sum())
        return part

    def groups_of_rows(self) -> np.ndarray | None:
        """The group of every row of the problem, or None."""
        if self.groups is None or self.index is None:
            return self.groups
        return self.groups[self.index]

    def _copy(self) -> "Problem":
        """The same, sharing everything."""
        other = object.__new__(Problem)
        other.__dict__.update(self.__dict__)
        return other
