"""From measured runs to a Hamiltonian: states and weights are found together."""

from ._choice import Choice, Chosen
from ._joint import Measured, states_for
from ._residuals import correlation_of_residuals, velocities_are_rates
from ._runs import BETWEEN, Grid, Runs
from ._smoothing import Smooth, smoothed
from ._start import Smoothed
from ._table import blocks, check_groups, check_times_of_rows, runs_of, unwrapped

__all__ = [
    "BETWEEN",
    "Choice",
    "Chosen",
    "Grid",
    "Measured",
    "Runs",
    "Smooth",
    "Smoothed",
    "blocks",
    "check_groups",
    "check_times_of_rows",
    "correlation_of_residuals",
    "runs_of",
    "smoothed",
    "states_for",
    "unwrapped",
    "velocities_are_rates",
]
