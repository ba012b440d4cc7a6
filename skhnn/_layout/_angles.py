"""Angles that jump: in X, and in derivatives that were taken across the jumps."""

from collections.abc import Mapping, Sequence

import numpy as np

from .._row_differences import ends_of_runs

# So many rows, to tell smooth from jumping.
_FEWEST_ROWS = 6
# The periods that angles have if nobody says; how near to a period a jump is (ten rows a
# revolution, the fewest from which derivatives make sense, jump by 0.9 of it); the quantile of the
# rates that is ordinary.
_USUAL_PERIODS = (2.0 * np.pi, 360.0)
_JUMP, _ORDINARY = 0.9, 0.9


def jumps_of_angles(
    X: np.ndarray, y: np.ndarray, label: Sequence[str], periods: Mapping[int, float]
) -> list[str]:
    """Rates that are far too large where a column jumps by a period: differences across the wrap.

    The rows on both sides of a jump have the difference of a whole period in their derivative.
    """
    found: list[str] = []
    if len(X) < _FEWEST_ROWS:
        return found
    ordinary = np.quantile(np.abs(y), _ORDINARY, axis=0)
    with np.errstate(over="ignore"):
        sizes = np.abs(y) / np.where(ordinary > 0.0, ordinary, np.inf)
    far_too_large = 3.0  # times the ordinary rates
    for j in range(X.shape[1]):
        step, others = np.abs(np.diff(X[:, j])), np.delete(sizes, j, axis=1)
        for period in (periods[j],) if j in periods else _USUAL_PERIODS:
            jumps = np.flatnonzero((step > _JUMP * period) & (step < period / _JUMP))
            beside, of_others = (
                np.maximum(a[jumps], a[jumps + 1]) for a in (sizes[:, j], others.max(axis=1))
            )
            # Where all rates are large the motion is fast, unless the rate turns round there: then
            # the others are differences of it (velocities that were taken across the jump, too).
            at = np.where(sizes[jumps, j] > sizes[jumps + 1, j], y[jumps, j], y[jumps + 1, j])
            turns = at * y[np.maximum(jumps - 1, 0), j] < 0.0
            is_wrong = (beside > far_too_large) & ((of_others < far_too_large) | turns)
            if len(jumps) and np.mean(is_wrong) > 0.5:
                found.append(
                    f"Column {label[j]} jumps by its period {period:.4g} at {len(jumps)} places, "
                    f"and there the rate y is {np.median(beside):.0f} times what it is "
                    "elsewhere: differences across the jump? Take np.unwrap of each run before its "
                    "derivative"
                    + ("" if j in periods else f"; with periodic=[{j}] jumps in X do no harm")
                )
                break
    return found


def wrapped_angles(
    X: np.ndarray,
    label: Sequence[str],
    periods: Mapping[int, float],
    groups: np.ndarray | None,
) -> list[str]:
    """Columns that go on smoothly but for jumps by a period, and are not known to be angles."""
    found: list[str] = []
    if len(X) < _FEWEST_ROWS:
        return found
    within = ~ends_of_runs(X, groups)
    if not within.any():  # pairs of rows, or single ones
        return found
    for j in range(X.shape[1]):
        step = np.abs(np.diff(X[:, j]))[within]
        for period in _USUAL_PERIODS if j not in periods else ():
            large = step > 0.5 * period
            jumps = np.sum((step > _JUMP * period) & (step < period * 1.001))
            is_smooth = np.quantile(step, _ORDINARY) < (1.0 - _JUMP) * period
            if jumps >= 2 and jumps == large.sum() and is_smooth:
                found.append(
                    f"Column {label[j]} jumps by {period:.4g} at {jumps} places and is smooth "
                    "elsewhere: an angle that is wrapped? For the model the two sides of a jump "
                    f"are far apart, unless periodic="
                    + (f"[{j}]" if period < 10 else f"{{{j}: {period:g}}}")
                    + " says so"
                )
    return found
