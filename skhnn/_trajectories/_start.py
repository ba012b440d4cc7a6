"""Where a joint fit starts: smoothed runs, and their derivatives."""

import numpy as np

from ._runs import Grid, Runs
from ._smoothing import Smooth, smoothed

# The longest interval of a grid, relative to the shortest time in which a column changes by its
# spread. (Double pendulum, 10 rows a second, 1 % of noise: intervals 1.8 times as long leave up to
# 4e-2 of the accelerations, these 2e-3, and so do half of these.)
INTERVAL = 0.25


class Smoothed:
    """The splines of all columns of some runs, as states and as their derivatives.

    Parameters
    ----------
    runs : Runs
        What was measured.
    has_velocities : bool
        Whether the second half of the states are the rates of the first, so that they follow where
        they were not measured.
    are_rates : bool
        Whether measured velocities are these rates; otherwise they are not used.
    """

    def __init__(self, runs: Runs, has_velocities: bool, are_rates: bool = True):
        self.runs, D = runs, runs.n_state
        #: The splines by column; None where the rates of others are taken.
        self.columns: list[Smooth | None] = []
        #: The standard deviation of every column's noise, (D,), NaN where nothing is known.
        self.noise = np.full(D, np.nan)
        for j in range(D):
            values = [Y[:, j] for Y in runs.Y]
            counts = [int((~np.isnan(x)).sum()) for x in values]
            follows, k = has_velocities and j >= D // 2, int(np.argmin(counts))
            if counts[k] < 2 and not follows:
                raise ValueError(
                    f"Every run needs two values of a column or more; run {k} has {counts[k]} of "
                    f"column {j}. Leave it out."
                )
            column = smoothed(runs.t, values) if max(counts) > 1 else None
            if column is not None:
                self.noise[j] = column.noise
            is_used = not follows or (are_rates and counts[k] > 1)
            self.columns.append(column if is_used else None)

    def at(self, run: int, t: np.ndarray, order: int = 0) -> np.ndarray:
        """A derivative of the states of a run, (m, D)."""
        found = []
        for j, column in enumerate(self.columns):
            if column is None:
                q = self.columns[j - len(self.columns) // 2]
                assert q is not None
                found.append(_derivative(q, run, t, order + 1))
            else:
                found.append(_derivative(column, run, t, order))
        return np.stack(found, axis=1)

    def samples(self, order: int = 0) -> np.ndarray:
        """The same at all samples, (n, D)."""
        return np.concatenate([self.at(k, t, order) for k, t in enumerate(self.runs.t)])

    def nodes(self, grid: Grid) -> np.ndarray:
        """The states at all nodes, (N, D)."""
        ends = grid.ends
        return np.concatenate(
            [self.at(k, grid.t[ends[k] : ends[k + 1]]) for k in range(len(self.runs))]
        )

    def step(self) -> float:
        """The longest interval of a grid."""
        x, dx = self.samples(), self.samples(1)
        spread = x.std(axis=0)
        moves = spread > 0.0
        if not moves.any():
            return float(np.inf)
        fastest = float(np.max(np.sqrt(np.mean(dx**2, axis=0))[moves] / spread[moves]))
        return INTERVAL / fastest if fastest > 0.0 else float(np.inf)


class AsMeasured:
    """The same of runs of one row each, whose states and rates are those measured.

    ``noise``, (D,), is that of the states.
    """

    def __init__(self, runs: Runs, noise: np.ndarray):
        self.noise, self._Y, self._D = noise, np.concatenate(runs.Y), runs.n_state

    def samples(self, order: int = 0) -> np.ndarray:
        """States, or rates with ``order=1``, (n, D)."""
        return self._Y[:, order * self._D : (order + 1) * self._D]

    def nodes(self, grid: Grid) -> np.ndarray:
        """The states at all nodes, (N, D)."""
        return self.samples().copy()

    def step(self) -> float:
        """There are no intervals."""
        return float(np.inf)


def _derivative(column: Smooth, run: int, t: np.ndarray, order: int) -> np.ndarray:
    spline = column.splines[run]
    return np.asarray(spline(t, order)) if order <= spline.k else np.zeros(len(t))
