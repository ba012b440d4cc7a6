"""Inputs that are constant from each time to the next: one simulation after another.

A step across a jump of the input would cost a method that chooses its steps hundreds of
evaluations, at every time.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ._errors import ExtrapolationWarning, SimulationError, warn


def samples_of(
    given: dict[str, Any], n_columns: dict[str, int], n_times: int
) -> dict[str, np.ndarray]:
    """The rows (n_times, k) of what is given as such; as many values as columns are constants."""
    found = {}
    for name, value in given.items():
        if value is not None and not callable(value):
            rows = np.asarray(value, dtype=float)
            are_constants = rows.ndim < 2 and rows.size == n_columns[name]
            if rows.ndim and len(rows) == n_times > 1 and not are_constants:
                found[name] = rows.reshape(n_times, -1)
    return found


def simulate_held(
    simulate: Callable[..., np.ndarray],
    model: Any,
    x0: Any,
    t: np.ndarray,
    behind: dict[str, Any],
    samples: dict[str, np.ndarray],
    options: dict[str, Any],
) -> np.ndarray:
    """The states at all times, (..., n_times, D).

    Parameters
    ----------
    simulate : callable
        ``simulate`` itself, for one piece.
    model, x0, t, options
        As there.
    behind : dict
        Inputs and parameters as they were given.
    samples : dict of (n_times, k) arrays
        Those of them that are rows.
    """
    if options["return_solution"] or options["dense_output"] or options["events"] is not None:
        raise ValueError(
            "With between='hold' the states alone are returned, since every piece is simulated by "
            "itself; leave return_solution, dense_output and events, or give a function."
        )
    on_failure, of_piece = options["on_failure"], options | {"on_failure": "raise"}
    found: list[np.ndarray] = []
    for k in range(len(t) - 1):
        own = k if t[1] > t[0] else k + 1
        values = {name: rows[own] for name, rows in samples.items()}
        try:
            with warnings.catch_warnings():
                if k:  # it is told once
                    warnings.simplefilter("ignore", ExtrapolationWarning)
                piece = simulate(model, x0, t[k : k + 2], **of_piece, **behind | values)
        except SimulationError as error:
            done = np.stack(found or [np.asarray(x0, dtype=float)], axis=-2)
            if on_failure == "raise":
                raise SimulationError(
                    str(error), error.t_reached, t[: k + 1], done, error.advice
                ) from error
            warn(str(error), RuntimeWarning)
            if on_failure == "truncate":
                return done
            missing = [np.full_like(done[..., 0, :], np.nan)] * (len(t) - done.shape[-2])
            return np.concatenate([done, np.stack(missing, axis=-2)], axis=-2)
        found += [piece[..., 0, :]] if k == 0 else []
        found.append(piece[..., -1, :])
        x0 = piece[..., -1, :]
    return np.stack(found, axis=-2)
