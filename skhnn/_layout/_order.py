"""The order of the columns, where derivatives show another one than all q, then all p."""

from collections.abc import Sequence

import numpy as np

from .._columns import Columns, is_constant
from ._labels import listed

# 1 - R^2 of y_i = c X_j, up to which one column is taken for the rate of the other although both
# are measured; and that from which on it is not.
_PROPORTIONAL, _NOT_PROPORTIONAL = 0.01, 0.1


def another_order(
    X: np.ndarray,
    y: np.ndarray,
    of_X: Columns,
    of_y: Columns,
    names: Sequence[str] | None,
    label: Sequence[str],
) -> list[str]:
    """A sentence where the columns are in another order than all q, then all p; or none."""
    n = X.shape[1]
    pairs = _pairs(X, y, of_X, of_y)
    if moved := _moved_rates(pairs, n):
        return [
            "; ".join(f"y[:, {i}] is, up to a factor, column {label[j]} of X" for i, j in moved)
            + ", so the columns of y are in another order than those of X. y is the time "
            "derivative of X, column by column"
        ]
    if (order := _order(pairs, n)) is not None:
        wanted = [names[k] for k in order] if names is not None else order
        rates = ", ".join(
            f"the rate of column {label[i]} is column {label[j]}"
            for i, j in zip(order[: n // 2], order[n // 2 :], strict=True)
        )
        return [
            f"Up to a factor, {rates}. So these are coordinates and their velocities or momenta in "
            "another order than all q, then all p. Pass "
            + (
                f"X[:, k] and y[:, k] with k = {wanted}"
                if names is None
                else f"X[k] with k = {wanted}, and the columns of y in the same order"
            )
        ]
    if own := _growing(X, y, of_X, of_y):
        return [
            f"The rate y of column {listed(label, own)} is, up to a factor, that column of X "
            "itself, which would grow exponentially: the columns of y seem to be in another order "
            "than those of X. y is the time derivative of X, column by column"
        ]
    if velocities := _velocities_among_coordinates(X, y, of_y):
        return [
            "; ".join(
                f"the rate of column {label[i]} is column {label[j]}" for i, j in velocities
            ).capitalize()
            + ", which is taken for a coordinate and seems to be a velocity. The order is all "
            "coordinates q, then all momenta p, in the same order"
        ]
    return []


def _pairs(X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns) -> list[tuple[int, int]]:
    """(i, j) with y_i = c X_j and c > 0: column i is a coordinate and j its momentum.

    None where that is so for all columns in their places.
    """
    d = X.shape[1] // 2
    misfit = _misfit_of_proportionality(X, y, of_X, of_y)
    own = misfit[np.arange(d), np.arange(d) + d]
    if (own < _NOT_PROPORTIONAL).all():
        return []
    return [(i, j) for i, j in np.argwhere(misfit < _PROPORTIONAL).tolist() if i != j]


def _order(pairs: Sequence[tuple[int, int]], n: int) -> list[int] | None:
    """The columns in the order (q, p), where the pairs make up all of the n columns.

    Pairs of the first half and the second in another order may be meant, H = p_1 p_2 + V(q).
    """
    q, p = [i for i, _ in pairs], [j for _, j in pairs]
    if len(pairs) != n // 2 or len(set(q) | set(p)) != n or set(q) == set(range(n // 2)):
        return None
    return [*q, *p]


def _moved_rates(pairs: Sequence[tuple[int, int]], n: int) -> list[tuple[int, int]]:
    """The pairs, where they have all momenta of X in their places, and not their rates in y."""
    d = n // 2
    p = sorted(j for _, j in pairs)
    if p != list(range(d, n)) or all(i < d for i, _ in pairs):
        return []
    return [(i, j) for i, j in pairs if i != j - d]


def _misfit_of_proportionality(
    X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns
) -> np.ndarray:
    """1 - R^2 of y_i = c X_j with c > 0 for all i and j, (2d, 2d); one where it makes no sense."""
    squares_X, squares_y = np.sum(X * X, axis=0), np.sum(y * y, axis=0)
    slopes = y.T @ X
    explained = np.divide(
        slopes * np.abs(slopes),
        squares_y[:, None] * squares_X,
        out=np.zeros_like(slopes),
        where=squares_y[:, None] * squares_X > 0,
    )
    misfit = 1.0 - np.maximum(explained, 0.0)
    # Relative to the spread, not to the mean square: a large mean proves nothing.
    misfit *= (squares_y / len(y) / np.where(of_y.spread > 0, of_y.spread, np.inf) ** 2)[:, None]
    misfit[is_constant(of_X, of_y)] = 1.0
    misfit[:, of_X.spread == 0] = 1.0
    return misfit


def _growing(X: np.ndarray, y: np.ndarray, of_X: Columns, of_y: Columns) -> list[int]:
    """Columns that grow in proportion to themselves, although their partner does not decay so.

    dq/dt = c q is Hamiltonian with dp/dt = -c p + g(q), and on one unstable orbit p may grow too.
    """
    d = X.shape[1] // 2
    same = np.diagonal(_misfit_of_proportionality(X, y, of_X, of_y)) < _PROPORTIONAL
    found = []
    for k in np.flatnonzero(same).tolist():
        partner = (k + d) % (2 * d)
        c = (y[:, k] @ X[:, k]) / (X[:, k] @ X[:, k])
        x = X[:, partner] - of_X.mean[partner]
        # the slope of dp/dt + c p along p
        decays = abs((y[:, partner] + c * X[:, partner]) @ x) < _NOT_PROPORTIONAL * c * (x @ x)
        # Of runs that escape the last rows decide, where all columns grow.
        inside = np.abs(X[:, k]) <= np.median(np.abs(X[:, k]))
        left = np.sum((y[inside, k] - c * X[inside, k]) ** 2)
        grows = left < _NOT_PROPORTIONAL * np.sum(y[inside, k] ** 2)
        if grows and not (decays or same[partner]):
            found.append(k)
    return found


def _velocities_among_coordinates(
    X: np.ndarray, y: np.ndarray, of_y: Columns
) -> list[tuple[int, int]]:
    """Pairs (i, j) of coordinates of which one is, to rounding, the rate of the other."""
    d = X.shape[1] // 2
    # Differences of floating-point numbers that are the same but for rounding, relative to their
    # size.
    rounding = 1e-9
    return [
        (i, j)
        for i in range(d)
        for j in range(d)
        if i != j
        and of_y.spread[i] > 0
        and np.abs(y[:, i] - X[:, j]).max() <= rounding * of_y.largest[i]
    ]
