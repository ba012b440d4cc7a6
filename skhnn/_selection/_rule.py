"""The one rule by which the default chooses: the simplest of what is about as good as the best."""

from collections.abc import Sequence

import numpy as np

#: Nobody sees a difference that is smaller.
ALIKE = 1.1
# Errors below this, relative to the spread of the targets, are rounding.
_ROUNDING = 1e-10


def simplest(squares: Sequence[np.ndarray], alike: float = ALIKE, finest: float = _ROUNDING) -> int:
    """The place of the first, the simplest, that is about as good as the best.

    Parameters
    ----------
    squares : sequence of (n_groups, 2) arrays
        The mean squared errors of every candidate on each group of rows left out, of dq/dt and of
        dp/dt, the simplest candidate first.
    alike : float
        Mean squared errors whose ratio is smaller are alike, whatever their standard error.
    finest : float
        Errors, relative to the spread of the targets, that are smaller are none.

    Notes
    -----
    The best is that of the smallest mean over groups of log MSE, and a candidate is about as good
    if the mean of log(MSE / MSE of the best) is below its standard error, or below log(alike). A
    ratio of means would be decided by the worst group.

    So is one for which that holds for the mean of dq/dt and dp/dt, each with its own MSE, and a
    gain counting for log(alike) at most: where velocities are linear in the momenta, the simplest
    Hamiltonian has them exactly, which must neither be hidden by an error of dp/dt that all have,
    nor make up for one that is larger.
    """
    halves = np.log(np.maximum(np.asarray(squares), finest**2))
    total = np.log(np.maximum(np.asarray(squares).sum(axis=2), finest**2))
    best, n_groups = np.argmin(total.mean(axis=1)), total.shape[1]
    behind = total - total[best]
    error = behind.std(axis=1, ddof=1) / np.sqrt(n_groups) if n_groups > 1 else np.zeros(len(total))
    in_halves = np.maximum((halves - halves[best]).mean(axis=1), -np.log(alike)).mean(axis=1)
    as_good = behind.mean(axis=1) <= np.maximum(error, np.log(alike))
    return int(np.argmax(as_good | (in_halves <= np.log(alike))))


def error_of(squares: np.ndarray) -> float:
    """The root mean square of errors given by their mean squares, (n_groups, 2)."""
    return float(np.sqrt(squares.sum(axis=1).mean()))


def explains_half(squares: np.ndarray) -> bool:
    """Whether a model has half of the variance of dq/dt, and of dp/dt, of rows left out."""
    return bool((squares.mean(axis=0) < 0.25).all())  # without a model each has 0.5


def typical(squares: np.ndarray) -> float:
    """The geometric mean over groups of their root mean squares: what ``simplest`` compares."""
    total = np.maximum(squares.sum(axis=1), _ROUNDING**2)
    return float(np.exp(0.5 * np.log(total).mean()))
