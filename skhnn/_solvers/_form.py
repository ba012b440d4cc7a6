"""What the targets say about the system before anything is fitted."""

import numpy as np

from ._problem import Problem
from ._quadratic_start import fit_quadratic

# Targets are heavy-tailed if the rms of a column exceeds its median magnitude by this factor. It is
# 5 to 9 for three bodies that meet, and at most 2.3 for the other systems of the benchmark.
_HEAVY_TAIL, _ROWS_OF_TAIL = 3.0, 20_000
_EQUATIONS, _EQUATIONS_PER_UNKNOWN = 4000, 4


def error_of_linear_velocities(problem: Problem) -> float:
    """The error of dq/dt = A p + b with one symmetric matrix A, relative to the spread of dq/dt.

    If it is rounding, H = 1/2 p^T A p + b . p + V(q), whatever V is. Infinite where there are too
    few rows to tell.
    """
    d = problem.n_features // 2
    n_unknowns = d * (d + 3) // 2
    n_rows = max(_EQUATIONS, _EQUATIONS_PER_UNKNOWN * n_unknowns) // d
    Z, G, c = problem.gradients(_evenly(problem, n_rows))
    if len(Z) * d < _EQUATIONS_PER_UNKNOWN * n_unknowns or not np.ptp(Z[:, d:], axis=0).any():
        return np.inf
    p, velocities, w = Z[:, d:], G[:, d:], problem.scaling.weights_of_gradient[d:]
    b, A = fit_quadratic(p, velocities, np.ones(len(c)), w)
    return float(np.sqrt(2.0 * np.mean((velocities - b - p @ A) ** 2 @ w)))


def heavy_tail(problem: Problem) -> float:
    """The typical size of a target, where targets have a heavy tail; otherwise zero."""
    _, y, _ = problem.take(_evenly(problem, _ROWS_OF_TAIL))
    typical = np.maximum(np.median(np.abs(y), axis=0), np.finfo(float).tiny)
    if (np.sqrt(np.mean(y**2, axis=0)) / typical).max() <= _HEAVY_TAIL:
        return 0.0
    return float(np.median(np.sqrt((y**2) @ problem.scaling.w)))


def _evenly(problem: Problem, n_rows: int) -> np.ndarray:
    """At most so many rows, evenly spaced."""
    n_rows = min(n_rows, problem.n_samples)
    return np.linspace(0, problem.n_samples - 1, n_rows).astype(int)
