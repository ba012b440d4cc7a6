"""Clocks and labels of runs among the columns, where coordinates or momenta should be."""

from collections.abc import Sequence

import numpy as np

from .._columns import Columns, is_constant, rounding_of_derivatives
from ._labels import listed

# Differences of floating-point numbers that are the same but for rounding, relative to their size.
_ROUNDING = 1e-9


def clocks_among_coordinates(
    of_X: Columns, of_y: Columns, label: Sequence[str], told: Sequence[int] = ()
) -> list[str]:
    """Coordinates whose rate is 1 or 0 in all rows although the column of the momentum varies.

    Columns that were ``told`` of are not called labels once more.
    """
    d = len(label) // 2
    steady = is_constant(of_X, of_y)
    if steady.all():  # H is linear, or everything is at rest
        return []
    still = np.abs(of_y.mean) <= rounding_of_derivatives(of_X, of_y)
    is_label = steady & still & (of_X.spread > 0)
    is_label[list(told)] = False
    steady = steady[:d] & (of_X.spread[d:] > 0)
    rounding = rounding_of_derivatives(of_X, of_y)[:d]
    labels = steady & (np.abs(of_y.mean[:d]) <= rounding)
    clocks = steady & (np.abs(of_y.mean[:d] - 1.0) <= np.maximum(rounding, _ROUNDING))
    found = []
    for which, rate, what in ((clocks, 1, "a clock"), (labels, 0, "a label of the run")):
        indices = np.flatnonzero(which)
        if len(indices):
            momenta = listed(label, indices + d)
            found.append(
                f"The rate of column {listed(label, indices)} is {rate} in all rows, although "
                f"column {momenta}, taken for its momentum, varies: this is {what} and no "
                "coordinate (unless its momentum is minus the energy)"
                + _of_labels(label, (indices + d)[is_label[indices + d]])
                + ". Drop such columns from X and y, so that coordinates and their momenta are "
                "left; pass the run of each row as groups"
            )
    return found


def clocks_among_momenta(
    X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns, label: Sequence[str]
) -> tuple[list[int], list[str]]:
    """Clocks and labels of runs in the last columns, taken for momenta, and a sentence on them.

    Their rates are 1 or 0 in all rows, labels are whole numbers, and the rate of the column taken
    for the coordinate has nothing to do with them, as it would with a momentum.
    """
    n = X.shape[1]
    rounding = np.maximum(rounding_of_derivatives(of_X, of_y), _ROUNDING)
    varies, steady = of_X.spread > 0, of_y.spread <= rounding
    clocks = varies & steady & (np.abs(of_y.mean - 1.0) <= rounding)
    labels = varies & steady & (np.abs(of_y.mean) <= rounding) & (np.round(X) == X).all(axis=0)
    behind: list[int] = []
    # The part of the variance of dq/dt that a momentum explains by itself. (A clock beside twelve
    # runs of an oscillator: below 0.01; a momentum of a constant force: 1.)
    of_momentum = 0.1
    for k in range(n - 1, n // 2 - 1, -1):
        rate, x = y[:, k - n // 2] - of_y.mean[k - n // 2], X[:, k] - of_X.mean[k]
        is_momentum = (rate @ x) ** 2 > of_momentum * (rate @ rate) * (x @ x)
        if not (clocks[k] or labels[k]) or is_momentum:
            break
        behind = [k, *behind]
    if not behind:
        return [], []
    what = " and ".join(
        f"column {label[k]} {'a clock' if clocks[k] else 'a label of the run'} (its rate is "
        f"{int(clocks[k])} in all rows)"
        for k in behind
    )
    return behind, [
        f"Among the momenta, which come last, there seems to be {what}. Drop such columns from X "
        "and y; pass the run of each row as groups"
    ]


def _of_labels(label: Sequence[str], indices: np.ndarray) -> str:
    """On momenta that never change within a run, beside clocks and labels."""
    if not len(indices):
        return ""
    return f", and column {listed(label, indices)}, whose rate is 0, another label"
