"""Derivatives that are differences of neighbouring rows, taken in a way that is wrong.

What somebody has computed from the rows of X themselves is proportional to their differences to the
last digit, which the derivatives of no motion are, but for one along a straight line.
"""

import numpy as np

NEXT_STATES = (
    ": are these the next states? y is the time derivative dX/dt of each row. With a time step dt, "
    "np.gradient(X, dt, axis=0) of every run gives it"
)
_REMEDY = (
    "Take np.gradient(X, dt, axis=0) of every run by itself, or "
    "skhnn.preprocessing.derivatives(X, t, groups), which also smooths"
)
# How many of the rows have to agree.
_MOST, _FEWEST = 0.5, 10
# Two vectors are parallel up to rounding if what is left of one is this part of it.
_ROUNDING = 1e-9


def of_differences(X: np.ndarray, y: np.ndarray, groups: np.ndarray | None) -> list[str]:
    """A sentence on derivatives (n, D) that were made from the rows of X, (n, D), wrongly."""
    rows = 20_000
    X, y = np.asarray(X[:rows]), np.asarray(y[:rows])
    if len(X) < _FEWEST or X.shape[1] < 2:
        return []
    joined, step = ends_of_runs(X, groups), X[1:] - X[:-1]
    moves = step.any(axis=1)
    if moves.sum() >= _FEWEST and np.mean((y[:-1] == X[1:])[moves].all(axis=1)) > _MOST:
        return [f"y is the next row of X{NEXT_STATES}"]
    ahead, behind = (_ratios(step, rates, X) for rates in (y[:-1], y[1:]))
    if _agree(ahead[~joined]) != _agree(behind[~joined]):  # on a straight line both do
        is_ahead = _agree(ahead[~joined])
        which = "X[k + 1] - X[k]" if is_ahead else "X[k] - X[k - 1]"
        ratios = ahead if is_ahead else behind
        n_ends = int(joined.sum()) if _agree(ratios[joined], fewest=1) else 0
        return [_of_one_side(which, float(np.nanmedian(ratios[~joined])), n_ends)]
    across = _ratios(X[2:] - X[:-2], y[1:-1], X)
    ends = joined[1:] | joined[:-1]
    if ends.any() and _agree(across[~ends]) and _agree(across[ends], fewest=1):
        return [
            f"y are differences of neighbouring rows that were taken across the ends of runs, at "
            f"{int(ends.sum())} rows. {_REMEDY}"
        ]
    return []


def _of_one_side(which: str, dt: float, n_ends: int) -> str:
    across = f" It was taken across the ends of runs, too, at {n_ends} rows." if n_ends else ""
    if abs(dt - 1.0) < _ROUNDING:
        return (
            f"y is the difference of neighbouring rows, {which}, not divided by their distance in "
            f"time (or this is one unit of time): y is the time derivative dX/dt.{across} {_REMEDY}"
        )
    return (
        f"y is the difference of neighbouring rows, ({which}) / {dt:.6g}, which is the derivative "
        f"half a step beside the row: its error looks like friction.{across} {_REMEDY}"
    )


def _ratios(difference: np.ndarray, y: np.ndarray, X: np.ndarray) -> np.ndarray:
    """c of difference = c y for every row, NaN where they are not parallel, (n,)."""
    scale = np.sqrt(np.mean(difference**2, axis=0))
    scale = np.where(scale > 0.0, scale, 1.0)
    a, b = difference / scale, y / scale
    bb = np.sum(b * b, axis=1)
    c = np.divide(np.sum(a * b, axis=1), bb, out=np.full(len(a), np.nan), where=bb > 0.0)
    left = np.sqrt(np.sum((a - c[:, None] * b) ** 2, axis=1))
    size = np.sqrt(np.sum(a * a, axis=1))
    eps = np.sqrt(np.sum((4e-16 * np.abs(X).max(axis=0) / scale) ** 2))
    is_parallel = (c > 0.0) & (left <= _ROUNDING * size + eps) & (size > 1e3 * eps)
    return np.where(is_parallel, c, np.nan)


def _agree(ratios: np.ndarray, fewest: int = _FEWEST) -> bool:
    """Whether most rows are parallel."""
    return len(ratios) >= fewest and float(np.mean(~np.isnan(ratios))) > _MOST


def ends_of_runs(X: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Between which neighbouring rows a run ends, (n - 1,): without groups, where columns jump.

    Where one column jumps alone it is an angle that was wrapped.
    """
    if groups is not None:
        return np.asarray(groups[1 : len(X)] != groups[: len(X) - 1])
    bend = np.abs(np.diff(X, n=2, axis=0))  # large on both sides of a jump
    beside = np.minimum(np.pad(bend, ((1, 0), (0, 0))), np.pad(bend, ((0, 1), (0, 0))))
    ordinary = np.maximum(np.quantile(bend, 0.9, axis=0), 1e-300)
    # Where runs were joined a column bends by so many times what it does elsewhere.
    jump = 20.0
    return np.asarray(np.sum(beside > jump * ordinary, axis=1) > 1)
