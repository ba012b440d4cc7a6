"""The states of new runs, by dynamics that are known from others."""

from dataclasses import dataclass

import numpy as np

from ..hamiltonians import Equations, Params
from ._gaps import LONGEST_GAP, bridged, cut_at_gaps, outside_of_gaps
from ._measured import Measured
from ._posterior import Weights
from ._runs import Grid, Runs
from ._start import Smoothed
from ._states import states_for, std_of_states


@dataclass
class Found:
    """States (N, D) at the nodes of a grid, and whether they are those of the dynamics."""

    x: np.ndarray
    grid: Grid
    measured: Measured
    T: np.ndarray | None  # variances of random forces
    has_ended: bool

    @property
    def of_samples(self) -> np.ndarray:
        """The states at all samples, (n, D)."""
        return self.x[self.grid.of_samples]


@dataclass
class Smoother:
    """What is known of new runs.

    Parameters
    ----------
    equations, params
        The dynamics.
    noise : (D,) ndarray
        That of the states, NaN of columns that are not measured.
    E : (D, D) ndarray
        What instruments show of the states.
    are_rates : bool
        Whether measured velocities are the rates of positions.
    robust : bool
        Whether outliers count for less.
    densities : (D,) ndarray or None
        Those of random forces.
    step : float
        The longest interval between nodes that suits the motion.
    """

    equations: Equations
    params: Params
    noise: np.ndarray
    E: np.ndarray
    are_rates: bool
    robust: bool
    densities: np.ndarray | None
    step: float

    def states(self, runs: Runs) -> Found:
        """The states of all samples.

        Those of pieces of runs between long gaps come first; from them paths fill the gaps.
        """
        start = self._start(runs)
        step = min(start.step(), self.step)
        grid, longest = Grid.of(runs, step), LONGEST_GAP * step
        x, pieces = start.nodes(grid), cut_at_gaps(runs, longest)
        if pieces is not runs:
            of_pieces = Grid.of(pieces, step)
            found = self._found(pieces, of_pieces, self._start(pieces).nodes(of_pieces))
            is_known = outside_of_gaps(runs, grid, longest)
            x[is_known] = found.x
            x = bridged(self.equations, self.params, x, grid, is_known)
        return self._found(runs, grid, x)

    def std(self, found: Found, kappa: float, weights: Weights) -> np.ndarray:
        """The standard deviations of the states of all samples, (n, D).

        They are those of noise, of which kappa values in a row are alike, and of the weights.
        """
        std = std_of_states(
            weights.equations, weights.params, found.x, self.noise * np.sqrt(kappa),
            found.measured, found.grid, weights.free, weights.root, found.T,
        )  # fmt: skip
        return std[found.grid.of_samples]

    def _start(self, runs: Runs) -> Smoothed:
        return Smoothed(runs, self.equations.layout.has_velocities, self.are_rates)

    def _found(self, runs: Runs, grid: Grid, x: np.ndarray) -> Found:
        y = np.full_like(x, np.nan)
        y[grid.of_samples] = np.concatenate(runs.Y)
        none_open = np.zeros(self.E.shape, dtype=bool)
        measured = Measured(y, self.noise, self.robust, self.E, none_open)
        T = None if self.densities is None else self.densities * grid.h[:, None]
        model = self.equations, self.params
        x, has_ended = states_for(*model, x, self.noise, measured, grid, T)
        return Found(x, grid, measured, T, has_ended)
