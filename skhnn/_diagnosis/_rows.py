"""Some rows of the data as equations, with the parts to be left out and the runs."""

from dataclasses import dataclass

import numpy as np

from .._data import Problem, blocks_of, clusters_of, make_folds, some
from ..hamiltonians import gradient_from_field

FOLDS = 5


@dataclass(frozen=True)
class Rows:
    """Some rows as equations of the fit: one for each row and column, weighted as in the loss.

    ``fold``, ``block`` and ``cluster`` name the part to be left out, the block of neighbouring rows
    of a run, and the run (of few runs the block) of every equation.
    """

    problem: Problem
    Z: np.ndarray  # (n, 2d), standardised states
    target: np.ndarray  # (n * 2d,), weighted targets of grad H
    root: np.ndarray  # (n, 2d), the square roots of the weights
    fold: np.ndarray
    block: np.ndarray
    cluster: np.ndarray
    n_runs: int | None

    @classmethod
    def of(cls, problem: Problem, rng: np.random.RandomState) -> "Rows":
        most_equations = 6000
        n_rows = max(most_equations // problem.n_targets, 1)
        problem = problem.subset(some(np.arange(problem.n_samples), n_rows, rng))
        Z, y, c = problem.take(slice(None))
        Z, G = Z - problem.scaling.mean, gradient_from_field(y)
        root = np.sqrt(c)[:, None] * np.sqrt(problem.scaling.weights_of_gradient)
        fold = np.empty(len(Z), dtype=int)
        for k, rows in enumerate(make_folds(problem, FOLDS, rng)):
            fold[rows] = k
        groups = problem.groups_of_rows()
        n_runs = None if groups is None else len(np.unique(groups))
        labels = fold, blocks_of(problem), clusters_of(problem)
        fold, block, cluster = (label.repeat(Z.shape[1]) for label in labels)
        return cls(problem, Z, (G * root).ravel(), root, fold, block, cluster, n_runs)

    def equations(self, gradients: np.ndarray) -> np.ndarray:
        """Weighted columns (n * 2d, m) from functions with values (n, 2d, m)."""
        return (gradients * self.root[..., None]).reshape(-1, gradients.shape[2])

    def targets(self, field: np.ndarray) -> np.ndarray:
        """The weighted targets that correspond to a field dx/dt, (n, 2d)."""
        return (gradient_from_field(self.problem.scaling.field(field)) * self.root).ravel()

    @property
    def have_velocities(self) -> bool:
        """Whether dq/dt is the second half of X up to rounding: these are velocities."""
        X, y, _ = self.problem.rows(slice(None))
        d = X.shape[1] // 2
        atol = 1e-12 * np.abs(X[:, d:]).max()
        return bool(np.allclose(y[:, :d], X[:, d:], rtol=1e-9, atol=atol))

    @property
    def factors_of_velocities(self) -> np.ndarray | None:
        """Of dq/dt along the second half of X, (d,), if each is its own column times a factor."""
        X, y, _ = self.problem.rows(slice(None))
        d = X.shape[1] // 2
        v, rates = X[:, d:] - X[:, d:].mean(axis=0), y[:, :d] - y[:, :d].mean(axis=0)
        squares = np.sum(v**2, axis=0)
        factors = np.divide(
            np.sum(v * rates, axis=0), squares, out=0.0 * squares, where=squares > 0
        )
        rounding = 1e-9
        left = np.abs(rates - factors * v).max(axis=0)
        is_factor = (left <= rounding * np.abs(rates).max(axis=0)).all()
        return factors if is_factor and factors.any() else None
