"""Gaps, in which nothing was measured for long: runs are cut there, and linked when H is known.

The splines that fits start from know nothing of what happens in a gap, and exact dynamics do not
find the way from there. The pieces on both sides determine H; its paths from both sides fill the
gap, and from these the fit to the whole runs starts.
"""

from itertools import pairwise

import numpy as np

from ..hamiltonians import Equations, Params
from ._measured import with_more
from ._runs import Grid, Runs

# The longest gap, in intervals of a grid: with 18 (four times the shortest time in which a column
# changes by its spread) all fits to double pendulums ended, with 26 one of six did not.
LONGEST_GAP = 16


def cut_at_gaps(runs: Runs, longest: float) -> Runs:
    """Pieces of runs between gaps that are longer; without them."""
    pieces = []
    for k in range(len(runs)):
        before, behind = _gaps(runs, k, longest).T
        first, last = np.append(0, behind), np.append(before, len(runs.t[k]) - 1)
        pieces += [(k, np.arange(a, b + 1)) for a, b in zip(first, last, strict=True)]
    return runs if len(pieces) == len(runs) else runs.pieces(pieces)


def outside_of_gaps(runs: Runs, grid: Grid, longest: float) -> np.ndarray:
    """Whether nodes are in none of these gaps, (N,): they are those of a grid of the pieces."""
    is_known = np.ones(len(grid.t), dtype=bool)
    for k in range(len(runs)):
        nodes = slice(grid.ends[k], grid.ends[k + 1])
        for before, behind in _gaps(runs, k, longest):
            t = grid.t[nodes]
            is_known[nodes] &= (t <= runs.t[k][before]) | (t >= runs.t[k][behind])
    return is_known


def _gaps(runs: Runs, k: int, longest: float) -> np.ndarray:
    """The samples before and behind every gap of a run, (n_gaps, 2).

    Every piece has two values or more of every column that the run has so often.
    """
    present = ~np.isnan(runs.Y[k])
    present = present[:, present.sum(axis=0) >= 2]
    measured = np.flatnonzero((~np.isnan(runs.Y[k])).any(axis=1))
    found, first = [], 0
    for gap in np.flatnonzero(np.diff(runs.t[k][measured]) > longest):
        before, behind = measured[[gap, gap + 1]]
        sides = present[first : before + 1], present[behind:]
        if all(np.all(side.sum(axis=0) >= 2) for side in sides):
            found.append((before, behind))
            first = int(behind)
    return np.array(found, dtype=int).reshape(-1, 2)


def bridged(
    equations: Equations, params: Params, x: np.ndarray, grid: Grid, is_known: np.ndarray
) -> np.ndarray:
    """States at all nodes, of which some are known: the others are those of paths from both sides.

    Paths count by how near they begin, and steps of them are intervals of the grid. States between
    which one leaves all numbers stay.
    """
    x = x.copy()
    for k in range(len(grid.ends) - 1):
        known = grid.ends[k] + np.flatnonzero(is_known[grid.ends[k] : grid.ends[k + 1]])
        for a, b in pairwise(known):
            if b - a > 1:
                ahead, back = np.arange(a, b + 1), np.arange(b, a - 1, -1)
                forward = _path(equations, params, x[a], grid, ahead)
                backward = _path(equations, params, x[b], grid, back)[::-1]
                part = ((grid.t[ahead] - grid.t[a]) / (grid.t[b] - grid.t[a]))[:, None]
                filled = (1.0 - part) * forward + part * backward
                if np.isfinite(filled).all():
                    x[a : b + 1] = filled
    return x


def _path(
    equations: Equations, params: Params, x0: np.ndarray, grid: Grid, nodes: np.ndarray
) -> np.ndarray:
    """The states at some nodes in a row, forward or backward, by the Runge-Kutta rule."""

    def f(x: np.ndarray, more: np.ndarray | None, at: int) -> np.ndarray:
        X = with_more(x[None], None if more is None else more[at : at + 1])
        found = equations.field_if_admitted(params, X)
        return np.full_like(x, np.nan) if found is None else found[0]

    path = [x0]
    with np.errstate(over="ignore", invalid="ignore"):
        for i, j in pairwise(nodes):
            between = int(np.searchsorted(grid.first, min(i, j)))
            x, h = path[-1], grid.t[j] - grid.t[i]
            k1 = f(x, grid.more, i)
            k2 = f(x + 0.5 * h * k1, grid.more_between, between)
            k3 = f(x + 0.5 * h * k2, grid.more_between, between)
            k4 = f(x + h * k3, grid.more, j)
            path.append(x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4))
    return np.array(path)
