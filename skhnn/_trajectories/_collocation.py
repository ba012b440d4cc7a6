r"""States of runs and weights together, to first order.

Between neighbouring nodes the dynamics dx/dt = f(x; w) hold exactly, in the Hermite-Simpson rule

    x_m = (x_k + x_{k+1}) / 2 + h / 8 (f_k - f_{k+1}),
    D_k = x_{k+1} - x_k - h / 6 (f_k + 4 f_m + f_{k+1}) = 0,

whose error is of fifth order in h. Linearised at states x and weights w, the states that are
closest to what was measured, y = h(x, w) + noise of the deviations sigma, for weights w + dw, solve

    [ E^T E / sigma^2   A^T ] [ dx ]   [ E^T (y - h - B dw) / sigma^2 ]
    [       A            0  ] [ mu ] = [         -D - C dw           ],

    A = dD/dx,    C = dD/dw,    E = dh/dx,    B = dh/dw,

a banded system in the order x_0 mu_0 x_1 mu_1 ...: nothing is squared, and nothing grows along
runs that are chaotic, as products of their matrices would. So dx = x0 + Psi dw, and the weights are
those of the least squares (y - h - E (x0 + Psi dw) - B dw) / sigma.

Where random forces push the states (process noise), D_k has the variance T instead of being zero:
-T stands in place of 0, and T^(1/2) mu, which is D_k / T^(1/2), are further rows.

References
----------
C. R. Hargraves, S. W. Paris, "Direct trajectory optimization using nonlinear programming and
collocation", J. Guidance 10 (1987) 338-342 (the rule).
H. G. Bock, "Recent advances in parameter identification techniques for ODE", in Numerical Treatment
of Inverse Problems in Differential and Integral Equations, Birkhaeuser (1983) 95-121 (states and
parameters together).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from .._solvers._directions import Directions
from ..hamiltonians import Equations, Params
from ._measured import Shown, expanded, pieces, sizes_of, with_more
from ._runs import Grid


@dataclass
class Linearised:
    """dx = dx0 + Psi dw at all nodes, and the volume log |KKT| of the matrix.

    ``push``, (n, D, 1 + m) for n intervals, is D_k / T^(1/2) and its derivatives by w; empty where
    dynamics are exact. ``stiffness`` is the largest h |F^2|^(1/2), F = df/dx, of all intervals.
    """

    dx0: np.ndarray  # (N, D)
    Psi: np.ndarray  # (N, D, m)
    volume: float
    push: np.ndarray
    stiffness: float


def linearised(
    equations: Equations,
    params: Params,
    x: np.ndarray,
    grid: Grid,
    free: Directions,
    shown: Shown,
    precision: np.ndarray,
    n_more: int = 0,
    T: np.ndarray | None = None,
    of_more: np.ndarray | None = None,
) -> Linearised:
    """The states at the nodes for weights near the params.

    Parameters
    ----------
    x : (N, D) array
        The states at the nodes.
    free : Directions, m of them
        How last weights may change.
    shown : Shown
        What instruments show.
    precision : (N, K) array
        1 / sigma^2, zero where nothing was measured.
    n_more : int
        How many unknowns stand behind the weights.
    T : (n, D) array, default=None
        The variance of every defect, of n intervals; None is zero, which may stand in it as well.
    of_more : (n, D, k) array, default=None
        The derivatives of defects by the last k unknowns.
    """
    scale = sizes_of(x)
    D, A0, A1, C, F = _defects(equations, params, x, grid, free)
    A0, A1, F = (M * scale / scale[:, None] for M in (A0, A1, F))
    dx0, P = np.empty_like(x), len(free) + n_more
    of_defects = np.zeros((*D.shape, 1 + P))
    of_defects[..., 0] = -D / scale
    of_defects[..., 1 : 1 + len(free)] = C / -scale[:, None]
    if of_more is not None:
        of_defects[..., 1 + P - of_more.shape[2] :] = of_more / -scale[:, None]
    spread = None if T is None else np.sqrt(T) / scale
    push = np.zeros((0, x.shape[1], 1 + P)) if T is None else np.empty_like(of_defects)
    Psi, volume, K = np.zeros((*x.shape, P)), 0.0, len(grid.ends) - 1
    E, B = shown.by_x * scale, shown.by_unknowns
    E_T, weight = np.swapaxes(E, 1, 2), precision[..., None]
    curvature = E_T @ (weight * E)
    right = np.zeros((*x.shape, 1 + P))
    right[..., :1] = E_T @ (weight * shown.misfit[..., None])
    right[..., P + 1 - B.shape[2] :] = -E_T @ (weight * B)
    start = 0
    # Values of a piece of right-hand sides: 64 MB.
    values = 8_000_000
    while start < K:  # runs, as many as are a piece
        end = start + 1
        limit = grid.ends[start] + values // (2 * x.shape[1] * (P + 1))
        while end < K and grid.ends[end + 1] <= limit:
            end += 1
        nodes = slice(grid.ends[start], grid.ends[end])
        own = slice(*np.searchsorted(grid.first, [nodes.start, nodes.stop]))
        solution, mu, found = _solved(
            grid.first[own] - nodes.start, A0[own], A1[own], of_defects[own], curvature[nodes],
            right[nodes], None if spread is None else spread[own] ** 2,
        )  # fmt: skip
        dx0[nodes], Psi[nodes] = solution[..., 0], solution[..., 1:]
        if spread is not None:
            push[own] = spread[own][..., None] * mu
        volume += found
        start = end
    squares = np.linalg.norm(F @ F, axis=(1, 2)) / np.sqrt(x.shape[1])
    stiffness = float(np.max(grid.h * np.sqrt(squares), initial=0.0))
    return Linearised(dx0 * scale, Psi * scale[:, None], volume, push, stiffness)


def _defects(
    equations: Equations, params: Params, x: np.ndarray, grid: Grid, free: Directions
) -> tuple[np.ndarray, ...]:
    """D (n, D), its derivatives by x_k, x_{k+1} (n, D, D) and w (n, D, m), and F at every x_k."""
    f, F, G = expanded(equations, params, with_more(x, grid.more), free)
    n, (D, m) = len(grid.first), G.shape[1:]
    defects, C = np.empty((n, D)), np.empty((n, D, m))
    by_first, by_second = np.empty((2, n, D, D))
    eye = np.eye(D)
    for piece in pieces(n, equations):
        k, h = grid.first[piece], grid.h[piece, None]
        middle = 0.5 * (x[k] + x[k + 1]) + h / 8.0 * (f[k] - f[k + 1])
        more = None if grid.more_between is None else grid.more_between[piece]
        f_m, F_m, G_m = expanded(equations, params, with_more(middle, more), free)
        defects[piece] = x[k + 1] - x[k] - h / 6.0 * (f[k] + 4.0 * f_m + f[k + 1])
        h, F0, F1, G0, G1 = h[..., None], F[k], F[k + 1], G[k], G[k + 1]
        by_first[piece] = -eye - h / 6.0 * (F0 + 4.0 * F_m @ (0.5 * eye + h / 8.0 * F0))
        by_second[piece] = eye - h / 6.0 * (F1 + 4.0 * F_m @ (0.5 * eye - h / 8.0 * F1))
        C[piece] = -h / 6.0 * (G0 + 4.0 * (G_m + F_m @ (h / 8.0 * (G0 - G1))) + G1)
    return defects, by_first, by_second, C, F[grid.first]


def _solved(
    first: np.ndarray,
    A: np.ndarray,
    B: np.ndarray,
    of_defects: np.ndarray,
    curvature: np.ndarray,
    of_states: np.ndarray,
    T: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """[dx0, Psi] of some runs, (N, D, 1 + m), mu, (n, D, 1 + m), where there is T, and log |KKT|.

    The right side has two parts.
    """
    n, d = curvature.shape[:2]  # nodes; columns
    begins = np.zeros(n, dtype=bool)  # whether an interval begins at a node
    begins[first] = True
    # x_k stands at place[k], mu of the interval that begins there behind it.
    place = d * (np.arange(n) + np.concatenate([[0], np.cumsum(begins)[:-1]]))
    size, width = int(place[-1]) + d, 2 * d - 1
    band = np.zeros((3 * width + 1, size))
    middle = 2 * width

    def put(rows: np.ndarray, columns: np.ndarray, blocks: np.ndarray) -> None:
        for i in range(d):
            for j in range(d):
                band[middle + (rows + i) - (columns + j), columns + j] = blocks[:, i, j]

    at, of_mu, to = place[first], place[first] + d, place[first + 1]
    put(of_mu, at, A)
    put(of_mu, to, B)
    put(at, of_mu, np.swapaxes(A, 1, 2))
    put(to, of_mu, np.swapaxes(B, 1, 2))
    put(place, place, curvature)
    if T is not None:
        put(of_mu, of_mu, T[:, :, None] * -np.eye(d))
    factor, pivots, info = lapack.dgbtrf(band, width, width, overwrite_ab=True)
    if info != 0:
        raise np.linalg.LinAlgError("the states are not determined")
    solution, rows = np.empty_like(of_states), of_mu[:, None] + np.arange(d)
    mu = np.zeros((0, *of_defects.shape[1:])) if T is None else np.empty_like(of_defects)
    diagonal = place[:, None] + np.arange(d)
    # Columns of them at a time: a hundred, as far apart as they are long, took four times as long.
    few_columns = 16
    for start in range(0, solution.shape[2], few_columns):
        columns = slice(start, start + few_columns)
        right = np.zeros((size, solution[0, :, columns].shape[1]), order="F")
        right[diagonal] = of_states[..., columns]
        right[rows] = of_defects[..., columns]
        found, _ = lapack.dgbtrs(factor, width, width, right, pivots, overwrite_b=True)
        solution[..., columns] = found[diagonal]
        if T is not None:
            mu[..., columns] = found[rows]
    return solution, mu, float(np.log(np.abs(factor[middle])).sum())
