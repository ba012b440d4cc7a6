"""Derivatives with a heavy tail, as of bodies that meet."""

import numpy as np

from .._data import Problem


def heavy_tail(problem: Problem) -> float:
    """The typical size of a target, where targets have a heavy tail; otherwise zero."""
    # Targets are heavy-tailed if the root mean square of a column exceeds its median magnitude by
    # this factor. It is 5 to 9 for three bodies that meet, and at most 2.3 for the other systems of
    # the benchmark.
    heavy, most_rows = 3.0, 20_000
    n_rows = min(most_rows, problem.n_samples)
    rows = np.linspace(0, problem.n_samples - 1, n_rows).astype(int)
    _, y, _ = problem.take(rows)
    typical = np.maximum(np.median(np.abs(y), axis=0), np.finfo(float).tiny)
    if (np.sqrt(np.mean(y**2, axis=0)) / typical).max() <= heavy:
        return 0.0
    return float(np.median(np.sqrt((y**2) @ problem.scaling.w)))
