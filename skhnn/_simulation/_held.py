"""Inputs that are constant from each time to the next: one simulation after another.

A step across a jump of the input would cost a method that chooses its steps hundreds of
evaluations, at every time.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ._errors import ExtrapolationWarning, SimulationError, warn

#: Simulates from states over two times, with what is constant there.
Piece = Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray]], np.ndarray]


def samples_of(given: dict[str, Any], n_times: int) -> dict[str, np.ndarray] | None:
    """The rows (n_times, k) of what is given as such, if anything is."""
    found = {}
    for name, value in given.items():
        if value is not None and not callable(value):
            rows = np.asarray(value, dtype=float)
            if rows.ndim and len(rows) == n_times > 1 and (rows.ndim == 2 or rows.size == n_times):
                found[name] = rows.reshape(n_times, -1)
    return found or None


def simulate_held(
    piece: Piece, x0: np.ndarray, t: np.ndarray, samples: dict[str, np.ndarray], on_failure: str
) -> np.ndarray:
    """The states at all times, (..., n_times, D), from x0 (..., D)."""
    y = np.full((*x0.shape[:-1], len(t), x0.shape[-1]), np.nan)
    y[..., 0, :] = x = x0
    for k in range(len(t) - 1):
        own = k if t[1] > t[0] else k + 1
        values = {name: rows[own] for name, rows in samples.items()}
        try:
            with warnings.catch_warnings():
                if k:  # it is told once, of the first piece or the whole
                    warnings.simplefilter("ignore", ExtrapolationWarning)
                x = piece(x, t[k : k + 2], values)[..., -1, :]
        except SimulationError as error:
            if on_failure == "raise":
                done = y[..., : k + 1, :]
                raise SimulationError(
                    str(error), error.t_reached, t[: k + 1], done, error.advice
                ) from error
            warn(str(error), RuntimeWarning)
            return y[..., : k + 1, :] if on_failure == "truncate" else y
        y[..., k + 1, :] = x
    return y
