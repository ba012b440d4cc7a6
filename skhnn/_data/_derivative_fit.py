r"""States and derivatives as equations for the weights of a model.

With the field f, linear in its last weights w, every row i and column j of the data is one equation

    f_j(x_i; theta) = y_ij,    f(x; theta) = A(x; hidden weights) w,

and a solver takes them as it needs them: as one loss with its gradient by theta, as the triangular
factors of [A t] for the last weights, or linearised, J and r = y - f, for all of them.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .._chunks import rows_at_once
from ..hamiltonians import Design, Equations, Params
from ._factor import Factor, OfWide, Reduction
from ._place import Place
from ._problem import Problem

# Problems with at most this many values are moved to their place once; of larger ones, every batch.
_VALUES_TO_PLACE = 2**26


class Part(NamedTuple):
    """Columns of the field whose equations share last weights, with no others.

    ``weights`` are these, the ``n_wide`` coefficients of quadratic energies first; ``wide``,
    (n_columns, n_wide) of bool, says which of those are in the equations of each column.
    """

    columns: np.ndarray
    weights: np.ndarray
    wide: np.ndarray

    @property
    def n_wide(self) -> int:
        """The number of quadratic energies."""
        return self.wide.shape[1]


class Shared:
    """What the equations of some rows have in common, whatever the hidden layers."""

    def __init__(self) -> None:
        self._of_parts: dict[tuple[bytes, bytes], OfWide] = {}

    def of(self, part: Part) -> OfWide:
        """That of a part."""
        key = part.columns.tobytes(), part.weights[: part.n_wide].tobytes()
        return self._of_parts.setdefault(key, OfWide())


class DerivativeFit:
    r"""The rows of a problem as equations for the weights of some equations of motion.

    Parameters
    ----------
    problem : Problem
        The rows x, y, and their weights c and w.
    equations : Equations
        The field f, in the units of the problem.
    penalty : float
        alpha / N, N the sum of the sample weights.
    place : Place
        The kind of arrays for the loss; the rest is computed with numpy, in double precision.
    """

    def __init__(
        self,
        problem: Problem,
        equations: Equations,
        penalty: float = 0.0,
        *,
        place: Place | None = None,
    ):
        self.problem, self.equations, self.penalty = problem, equations, penalty
        self.place = place or Place.on_numpy()
        self.column_weight = self.place.array(problem.scaling.w)
        self._placed: tuple[Any, ...] | None = None

    @property
    def n_samples(self) -> int:
        """The number of rows."""
        return self.problem.n_samples

    # --- the loss ----------------------------------------------------------------------------

    def loss_and_gradient(self, params: Params, rows: Any = None) -> tuple[Any, Params]:
        r"""L and dL/dparams; over given ``rows``, an unbiased estimate of them.

        .. math:: L(\theta) = \frac{1}{2} \sum_i c_i \sum_j w_j (f_j(x_i; \theta) - y_{ij})^2
                  + \frac{\alpha}{2 N} \sum_l \lVert W_l \rVert^2

        with row weights c_i that sum to one and column weights w_j = 1 / (2d Var(y_j)): without the
        penalty, 1 - 2 L is the R^2 that ``score`` reports on the same rows.
        """
        loss: Any = 0.0
        gradient: Params | None = None
        scale = 1.0 if rows is None else self.n_samples / len(rows)
        for part in self._slices(self.n_samples if rows is None else len(rows)):
            X, y, c = self._rows(part if rows is None else rows[part])
            field, pullback = self.equations.field_and_pullback(params, X, self.place.xp)
            R = field - y
            V = R * (c * scale)[:, None]
            V *= self.column_weight
            loss = loss + 0.5 * (R * V).sum()
            part_of_it = pullback(V)
            gradient = (
                part_of_it
                if gradient is None
                else [a + b for a, b in zip(gradient, part_of_it, strict=True)]
            )
        assert gradient is not None
        if self.penalty:
            for k, W in enumerate(params):
                if W.ndim == 2:
                    loss = loss + 0.5 * self.penalty * (W * W).sum()
                    gradient[k] = gradient[k] + self.penalty * W
        return loss, gradient

    def loss(self, params: Params) -> float:
        """The data term of L alone."""
        total = 0.0
        for part in self._slices(self.n_samples):
            X, y, c = self._rows(part)
            R = self.equations.field(params, X, self.place.xp) - y
            total += float(0.5 * (c @ (R * R) @ self.column_weight))
        return total

    def _rows(self, rows: Any) -> tuple[Any, Any, Any]:
        """x, y and c of a slice or an array of rows, in their place."""
        if self.n_samples * self.problem.n_features > _VALUES_TO_PLACE:
            return tuple(self.place.array(a) for a in self.problem.take(rows))
        if self._placed is None:
            self._placed = tuple(self.place.array(a) for a in self.problem.take(slice(None)))
        X, y, c = self._placed
        return X[rows], y[rows], c[rows]

    def _slices(self, n_samples: int) -> Iterator[slice]:
        """Slices of equal length that fit the cache."""
        # Enough to keep a GPU busy, few enough to bound its memory.
        step = 2**16
        if not self.place.is_gpu:
            step = rows_at_once(self.equations.width, 4 if self.place.dtype == "float32" else 8)
        step = -(-n_samples // -(-n_samples // step))
        return (slice(start, start + step) for start in range(0, n_samples, step))

    # --- the equations, in parts that share no last weights --------------------------------------

    def parts(self, free: np.ndarray) -> list[Part]:
        """What the last weights that are ``free``, (m,) of bool, are in.

        Derivatives that are constant are no equations.
        """
        varies, is_u = np.isnan(self.problem.scaling.constant), self.equations.is_quadratic
        entries, found = self.equations.entries(), []
        for columns, weights in self.equations.blocks():
            columns, weights = columns[varies[columns]], weights[free[weights]]
            if len(columns) and len(weights):
                u = is_u[weights]
                wide = entries[columns[:, None], weights[u]]
                weights = np.concatenate([weights[u], weights[~u]])
                found.append(Part(columns, weights, wide))
        return found

    def reduced(
        self,
        params: Params,
        rows: np.ndarray,
        start: np.ndarray,
        free: np.ndarray,
        *,
        with_own_rates: bool = False,
        shared: Shared | None = None,
    ) -> list[Factor]:
        """The factor of [A t] of every part, t the targets that the last weights ``start`` leave.

        Those that are not ``free`` stay as they are. Forces see the rates of the targets, or those
        of the params, which have less noise. Networks that are fitted to the same rows, in turn,
        have what they have in common ``shared``.
        """
        problem, equations, parts = self.problem, self.equations, self.parts(free)
        reductions = [
            Reduction(
                part.wide, len(part.weights) - part.n_wide + 1, shared.of(part) if shared else None
            )
            for part in parts
        ]  # fmt: skip
        n_rows = max(4 * equations.n_last // problem.n_targets, 64)
        for first in range(0, len(rows), n_rows):
            X, y, root = problem.equations(rows[first : first + n_rows])
            design = equations.about_last(params, X, y, start, with_own_rates, free)
            for reduction, part in zip(reductions, parts, strict=True):
                rest = design.entries(part.columns, part.weights[part.n_wide :])
                rest = np.concatenate([rest, design.t[:, part.columns, None]], axis=2)
                reduction.add(
                    partial(_entries_of_wide, design, part, root),
                    rest * root[:, part.columns, None],
                )
        size = problem.weight_of(rows)
        return [
            Factor(
                reduction.triangle(), part.weights, part.n_wide, len(rows) * len(part.columns),
                size * len(part.columns), reduction.of_wide or OfWide(),
            )
            for reduction, part in zip(reductions, parts, strict=True)
        ]  # fmt: skip

    def squares(self, params: Params, parts: Sequence[Part]) -> np.ndarray:
        """The sum of |y - f|^2 over the equations of every part, whose mean weight is one."""
        squares, equations = np.zeros(len(parts)), self.equations
        for X, y, root in self._pieces(equations.width):
            field = equations.field_if_admitted(params, X)
            if field is None:
                return np.full(len(parts), np.inf)
            r = (y - field) * root
            squares += [np.sum(r[:, part.columns] ** 2) for part in parts]
        return squares

    def linearised(
        self, params: Params, parts: Sequence[Part], n_weights: int
    ) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
        """J (n, m), by the hidden weights and then the last, and r = y - f (n,) of every part.

        In pieces that are right for ``n_weights`` columns.
        """
        equations = self.equations
        for X, y, root in self._pieces(n_weights):
            r = (y - equations.field(params, X)) * root
            by_hidden = equations.jacobian_by_hidden(params, X)
            J = np.concatenate([by_hidden, equations.jacobian_by_last(params, X)], axis=2)
            J *= root[..., None]
            yield [
                (J[:, part.columns].reshape(-1, J.shape[2]), r[:, part.columns].ravel())
                for part in parts
            ]

    def _pieces(self, width: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """x', y' and the square roots of the weights of equations, on average one."""
        problem = self.problem
        mean = np.sqrt(problem.mean_weight)
        # Values of the linearised equations of a piece.
        values_of_a_piece = 2**22
        n_rows = max(values_of_a_piece // (width * problem.n_targets), 1)
        for rows in problem.pieces(n_rows):
            X, y, root = problem.equations(rows)
            yield X, y, root / mean


def _entries_of_wide(
    design: Design, part: Part, root: np.ndarray, columns: np.ndarray, u: np.ndarray
) -> np.ndarray:
    """The weighted equations of some columns of a part, and some of its u, (n, k, m)."""
    columns = part.columns[columns]
    return design.entries(columns, part.weights[u]) * root[:, columns, None]
