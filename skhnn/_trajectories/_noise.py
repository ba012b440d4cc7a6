"""The noise of every measured column, from what a joint fit leaves of it."""

import numpy as np

from ._measured import Measured, Shown
from ._runs import Grid

# Where nothing is known of it, runs being too short to be smoothed.
_FIRST_NOISE = 1e-2


def first_noise(
    measured: Measured, of_states: np.ndarray, size: np.ndarray, misfit: np.ndarray
) -> np.ndarray:
    """The noise of a start, (K,), where none is given: that of smoothed states, and of rates."""
    D = len(measured.E)
    known = np.concatenate([of_states[:D], np.full(len(size) - D, np.nan)])
    found = np.where(np.isnan(measured.noise), known, measured.noise)
    found = np.where(np.isnan(found), _FIRST_NOISE * size, found)
    if measured.has_rates:
        own = np.isnan(measured.noise[D:])
        found[D:][own] = measured.of_rates(misfit)[own]
    return floored(found, size, D)


def noise_left(
    measured: Measured, before: np.ndarray, residuals: np.ndarray, weights: np.ndarray,
    lost: float, size: np.ndarray, shown: Shown, grid: Grid,
) -> np.ndarray:  # fmt: skip
    """The noise of every column, (K,); NaN for columns that were not measured."""
    D, n_values = len(measured.E), measured.present.sum(axis=0)
    with np.errstate(invalid="ignore"):
        squares = np.nansum(weights * residuals**2, axis=0)
        found = np.sqrt(squares / np.maximum(n_values * max(1.0 - lost, 0.05), 1e-300))
    found = np.where(n_values > 0, found, np.nan)
    found = np.where(np.isnan(measured.noise), found, measured.noise)
    fall = 0.3
    if measured.has_rates:
        if not len(grid.h):
            of_x, of_rates = shown.misfit[:, :D], shown.misfit[:, D:]
            F = shown.by_x[:, D:]
            e = of_rates - (F @ of_x[..., None])[..., 0]
            squares = np.mean(measured.weight * (e**2 - F**2 @ found[:D] ** 2), axis=0)
            found[D:] = np.sqrt(np.maximum(squares, 0.0))
        found[D:] = np.maximum(found[D:], fall * before[D:])
    return floored(found, size, D)


def floored(sigma: np.ndarray, size: np.ndarray, n_state: int) -> np.ndarray:
    least_noise_of_rates = 1e-3
    least = np.full(len(size), least_noise_of_rates)
    # Noise below this part of the size of a column is rounding, or of the rule between nodes; that
    # of rates is what the hidden layers lack, and falls step by step.
    least_noise = 1e-9
    least[:n_state] = least_noise
    return np.maximum(sigma, least * size)
