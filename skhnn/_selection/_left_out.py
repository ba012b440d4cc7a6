"""Rows left out of a fit, by which models are compared that are of different kinds."""

from collections.abc import Callable

import numpy as np

from .._data import Problem, labels_of, make_folds, some
from ..hamiltonians import Equations, Params

Model = tuple[Equations, Params]
#: Fits a model to some rows of the data.
Fit = Callable[[Problem], Model]


class LeftOut:
    """The rows left out, whole groups or blocks of neighbours; the same for all models.

    Parameters
    ----------
    problem : Problem
        All rows.
    each_in_turn : bool
        Whether every part is left out in turn, as it should be where rows are few, or only one.
    """

    def __init__(self, problem: Problem, rng: np.random.RandomState, *, each_in_turn: bool):
        # One part in five is left out, in ten of many rows, of which at most so many are looked at.
        folds, many_folds, many_rows, most_rows = 5, 10, 2000, 4000
        n_folds = many_folds if problem.n_samples >= many_rows else folds
        parts = make_folds(problem, n_folds, rng)
        everything = np.arange(problem.n_samples)
        labels = labels_of(problem, n_folds)
        #: The rows to train on, while models are compared: all of them, where each is left out.
        self.training = problem
        self.folds: list[tuple[Problem, Problem]] = []
        found = []
        for out in parts if each_in_turn else parts[:1]:
            rest = problem.subset(np.delete(everything, out))
            if not each_in_turn:
                out, self.training = some(out, most_rows, rng), rest
            self.folds.append((rest, problem.subset(out)))
            found.append(labels[out])
        rows = [left_out.rows_in_units() for _, left_out in self.folds]
        self._y, self._weight = (np.concatenate([part[k] for part in rows]) for k in (1, 2))
        self._group = np.unique(np.concatenate(found), return_inverse=True)[1].ravel()

    def fields(self, fit: Fit) -> np.ndarray:
        """The field on the rows left out, (n, 2d), of models fitted to the others."""
        fields = []
        for training, left_out in self.folds:
            equations, params = fit(training)
            fields.append(equations.field(params, left_out.take(slice(None))[0]))
        return np.concatenate(fields)

    def squares(self, field: np.ndarray, w: np.ndarray | None = None) -> np.ndarray:
        """The mean squared errors of a field (n, 2d) on the groups left out, (n_groups, 2).

        Those of dq/dt and dp/dt apart: one of them may be exact, and then says the most. (With
        another structure, half of the whole twice.) The columns have the weights w, (2d,), or those
        of the loss.
        """
        c = self._weight
        squares = (field - self._y) ** 2 * (self.folds[0][0].scaling.w if w is None else w)
        weight = np.bincount(self._group, c)
        halves = [0.5 * squares.sum(axis=1)] * 2
        if self.training.structure.is_canonical:
            halves = [half.sum(axis=1) for half in np.split(squares, 2, axis=1)]
        return np.stack([np.bincount(self._group, c * half) / weight for half in halves], axis=1)

    def field_of(self, model: Model) -> np.ndarray:
        """The field on the rows left out of a model that has not seen them."""
        return self.fields(lambda _: model)

    def squares_of(self, model: Model) -> np.ndarray:
        """The squares of such a model."""
        return self.squares(self.field_of(model))

    def agreement(self, first: np.ndarray, second: np.ndarray) -> float:
        """How far two fields (n, 2d) are apart, in units of what they leave of the targets.

        A geometric mean over rows. If both were wrong, each in its way, they would be about as far
        apart. What two models of different kinds have in common is noise, which no training lowers.
        """
        y, tiny = self._y, np.finfo(float).tiny
        apart = np.log(self._norm(first - second) + tiny)
        left = np.log(0.5 * (self._norm(first - y) + self._norm(second - y)) + tiny)
        return float(np.exp(0.5 * np.mean(apart - left)))

    def _norm(self, difference: np.ndarray) -> np.ndarray:
        return np.asarray((difference**2) @ self.folds[0][0].scaling.w)
