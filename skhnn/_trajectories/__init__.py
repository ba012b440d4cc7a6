"""From measured runs to a Hamiltonian: states and weights are found together."""

from ._candidates import NoFitError
from ._choice import Choice, Chosen
from ._forecasts import blocks, r2_of_forecasts
from ._measured import Measured
from ._posterior import Posterior, Weights
from ._readings import Reading, readings_of
from ._residuals import correlation_of_residuals
from ._runs import BETWEEN, Grid, Inputs, Runs
from ._smoother import Smoother
from ._smoothing import Smooth, smoothed
from ._start import INTERVAL, AsMeasured, Smoothed
from ._table import (
    check_groups,
    check_rates_of_rows,
    check_times_of_rows,
    refuse_times_in_rows,
    runs_of,
    unwrapped,
)

__all__ = [
    "BETWEEN",
    "INTERVAL",
    "AsMeasured",
    "Choice",
    "Chosen",
    "Grid",
    "Inputs",
    "Measured",
    "NoFitError",
    "Posterior",
    "Reading",
    "Runs",
    "Smooth",
    "Smoothed",
    "Smoother",
    "Weights",
    "blocks",
    "check_groups",
    "check_rates_of_rows",
    "check_times_of_rows",
    "correlation_of_residuals",
    "r2_of_forecasts",
    "readings_of",
    "refuse_times_in_rows",
    "runs_of",
    "smoothed",
    "unwrapped",
]
