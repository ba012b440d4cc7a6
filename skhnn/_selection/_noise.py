r"""Derivatives that are noise about a constant: those of a conserved momentum that was measured.

Every derivative counts by its own spread, so that units do not matter; of a conserved momentum that
spread is noise, of whatever size, and what it leaves would count as much as all of another column.
Three conditions make such a column:

1. its degree of freedom moves, and the derivative is small beside what would make that motion,

       spread(dp/dt) spread(q) < 0.3 rms(dq/dt) rms(p)

   (for an oscillation both sides are equal), a ratio without units;
2. it is as different at the nearest row as at any;
3. no regression on all columns explains it, on rows left out.

It is taken for constant. With noise of 1e-9 in dL/dt the error of the other derivatives of Kepler's
problem in polar coordinates was half of their spread, and is 1e-9.
"""

import numpy as np
from scipy.spatial import cKDTree

from .._data import Problem
from ._left_out import LeftOut
from ._regression import field_without_mechanics


def noise_columns(problem: Problem) -> np.ndarray:
    """Which derivatives are noise about a constant, (D,)."""
    none = np.zeros(problem.n_targets, dtype=bool)
    fewest_rows = 50
    if not problem.layout.is_canonical or problem.n_samples < fewest_rows:
        return none
    rng = np.random.RandomState(0)  # of its own: the fit must not depend on it
    rows = np.arange(problem.n_samples)
    beside_motion, most_rows = 0.3, 1000
    if len(rows) > most_rows:
        rows = np.unique(rng.randint(len(rows), size=most_rows))
    X, y, _ = problem.rows(rows)
    X, d = X[:, : len(none)], len(none) // 2
    spread, size = X.std(axis=0), np.sqrt(np.mean(X**2, axis=0))
    motion = size * np.sqrt(np.mean(np.roll(y, d, axis=1) ** 2, axis=0))
    small = np.roll(spread, d) * y.std(axis=0) < beside_motion * motion
    small &= np.isnan(problem.scaling.constant)
    # The nearest row tells nothing of noise: half of the mean squared difference is the variance.
    rough = 0.7
    if small.any():
        Z = X[:, spread > 0.0] / spread[spread > 0.0]
        nearest = np.asarray(cKDTree(Z).query(Z, 2)[1])[:, 1]
        # Whether they are as different at the nearest row as at any.
        small &= 0.5 * np.mean((y - y[nearest]) ** 2, axis=0) > rough * y.var(axis=0)
    if not small.any():
        return none
    left_out = LeftOut(problem.subset(rows).without_groups(), rng, each_in_turn=False)
    truth = left_out.folds[0][1].take(slice(None))[1]
    left = np.mean((field_without_mechanics(left_out) - truth) ** 2, axis=0)
    # A regression leaves more than this part of the variance of noise (0.97 to 1.1 in 40 trials).
    unexplained = 0.95
    return small & (left > unexplained * truth.var(axis=0))
