"""A user's table of measured rows as runs."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from .._validation import as_numpy, check_magnitude, check_names_of_runs
from ._runs import Inputs, Runs


def check_times_of_rows(t: Any, n: int, groups: np.ndarray, time_step: float) -> np.ndarray:
    """Times (n,) of rows; without them rows of a run are ``time_step`` apart."""
    if t is None:
        found = np.empty(n)
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            found[rows] = time_step * np.arange(len(rows))
        return found
    t = np.asarray(as_numpy(t, "t"))
    if t.shape != (n,):
        raise ValueError(f"t must have a time for every row of X, shape ({n},); got {t.shape}.")
    t = t.astype(float)
    if not np.isfinite(t).all():
        raise ValueError("t must be finite; got NaN or infinity. Leave these rows out.")
    return t


def refuse_times_in_rows(X: np.ndarray, t: np.ndarray) -> None:
    """Raise where a measured column is the time."""
    own = np.flatnonzero((t[:, None] == X).all(axis=0))
    if len(own) and len(t) > 1:
        raise ValueError(
            f"Column {own[0]} of X is the time t, which is no coordinate. Leave it out of X (or, "
            "where H depends on the time, put it last and say n_parameters=1)."
        )


def check_groups(groups: Any, n: int) -> np.ndarray:
    """The number of the run of every row, (n,), in the order in which they appear."""
    if groups is None:
        return np.zeros(n, dtype=int)
    groups = check_names_of_runs(groups, n)
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number.ravel()]


def check_rates_of_rows(
    y: Any, shape: tuple[int, int], *, has_times: bool = True
) -> np.ndarray | None:
    """Measured derivatives (n, n_state), or None where there are none.

    Without times, ``has_times``, they may have been given in the place of y.
    """
    if y is None:
        return None
    if np.ndim(y) == 1 or np.shape(y)[1:] == (1,):
        warnings.warn(
            "y is not used: it has one column, and is no time derivative of all columns of a "
            "state. HNNTrajectoryRegressor needs no y."
            + ("" if has_times else " If these are the times of the rows, say fit(X, t=...)."),
            stacklevel=3,
        )
        return None
    y = check_array(
        as_numpy(y, "y"), dtype=np.float64, ensure_all_finite="allow-nan", input_name="y", copy=True
    )
    if y.shape != shape:
        raise ValueError(
            "y must have the time derivatives of the columns of the state at every row, shape "
            f"{shape}, NaN where they were not measured; got {y.shape}. It may be left out."
        )
    if np.isinf(y).any():
        raise ValueError("y contains infinity.")
    check_magnitude(np.nan_to_num(y), "y")
    return None if np.isnan(y).all() else y


def runs_of(
    X: np.ndarray,
    t: np.ndarray,
    groups: np.ndarray,
    n_measured: int,
    n_state: int,
    periods: Mapping[int, float],
    between: str,
    *,
    rates: np.ndarray | None = None,
    has_to_say: bool = True,
) -> Runs:
    """The runs of a table whose rows are measured states, NaN where nothing was, and inputs.

    Angles are unwrapped, states padded with what was not measured, ``rates``, (n, n_state), set
    behind them, and runs of one row left out.
    """
    more = X[:, n_measured:]
    if not np.isfinite(more).all():
        raise ValueError("Inputs and parameters must be finite; got NaN or infinity.")
    times, states, inputs, rows, short = [], [], [], [], []
    for group in range(groups.max() + 1):
        own = np.flatnonzero(groups == group)
        _check_increasing(t, own, group)
        Y = X[own, :n_measured]
        if int((~np.isnan(Y)).any(axis=1).sum()) < 2:
            short.append(group)
            continue
        for column, period in periods.items():
            if column < n_measured:
                Y[:, column] = unwrapped(Y[:, column], period)
        times.append(t[own])
        Y = np.pad(Y, ((0, 0), (0, n_state - n_measured)), constant_values=np.nan)
        states.append(Y if rates is None else np.concatenate([Y, rates[own]], axis=1))
        rows.append(own)
        if more.shape[1]:
            inputs.append(Inputs(t[own], more[own], between))
    if not times:
        raise ValueError("Every run needs two rows or more; got none that has. Pass t and groups.")
    if short and has_to_say:
        warnings.warn(
            f"{len(short)} of {groups.max() + 1} runs have fewer than two measured rows and are "
            "left out.",
            stacklevel=4,
        )
    return Runs(times, states, n_state, inputs or None, rows)


def _check_increasing(t: np.ndarray, own: np.ndarray, run: int) -> None:
    steps = np.diff(t[own])
    if (steps <= 0.0).any():
        k = int(np.argmax(steps <= 0.0))
        raise ValueError(
            f"The times of a run must increase from row to row; in run {run} row {own[k + 1]} has "
            f"t={t[own[k + 1]]:g} after t={t[own[k]]:g}. Sort the rows by time, average repeated "
            "times, and pass the run of every row as groups."
        )


def unwrapped(x: np.ndarray, period: float) -> np.ndarray:
    """An angle without jumps by its period; NaN stay."""
    found, ok = x.copy(), ~np.isnan(x)
    found[ok] = np.unwrap(x[ok], period=period)
    return found
