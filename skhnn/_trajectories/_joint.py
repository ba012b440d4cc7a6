r"""Gauss-Newton on the states of runs and the last weights together.

Every step (see ``_collocation``) is a least squares for the weights by their evidence, in units of
the noise, whose level is estimated along: sigma_j^2 = RSS_j / (n_j (1 - lost / n)), lost being the
start of every run and what the weights take. The dynamics are exact from the first step on.

Models are compared by their log evidence,

    log N(y) = log evidence of the weights - 1/2 log |KKT| - sum_j n_j log sigma_j.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from .._data import Factor, triangular
from .._solvers._evidence import LinearFit, solve
from ..hamiltonians import Equations, Params
from ._collocation import Linearised, linearised, with_more
from ._runs import Grid

MOST_STEPS = 25
# A fit has ended where states move by less than this part of the noise, and the noise by less; or
# where they go to and fro within a larger part, as rounding in a hundred thousand nodes may make
# them, for so many steps.
_STILL, _STILL_NOISE = 5e-3, 1e-2
_TO_AND_FRO, _STEPS_TO_AND_FRO = 0.2, 3
_HALVINGS = 8
# Noise below this part of the size of a column is rounding, or of the rule between nodes.
_LEAST_NOISE = 1e-9
# Where nothing is known of it, runs being too short to be smoothed.
_FIRST_NOISE = 1e-2
# The smallest ridge, relative to the square of the largest column: below, rounding of the states
# decides, and in 40,000 rows they went to and fro by a tenth of the noise (1e-12 cost evidence).
_SMALLEST = 1e-14
# Rows of a factor at a time.
_ROWS = 4096
# The weights of a Student t distribution with four degrees of freedom.
_FREEDOM = 4.0


@dataclass
class Measured:
    """What was measured at the nodes: y (N, D), NaN elsewhere, and 1 / sigma of every value.

    ``noise``, (D,), is given, or estimated where it is None; ``robust`` lets values far off count
    less. Instruments show E x, (D, D), and entries of E where ``is_open`` are found.
    """

    y: np.ndarray
    noise: np.ndarray | None
    robust: bool
    E: np.ndarray
    is_open: np.ndarray

    def misfit(self, x: np.ndarray, E: np.ndarray) -> np.ndarray:
        """y - E x, zero where nothing was measured."""
        return np.where(self.present, self.y - x @ E.T, 0.0)

    def slopes(self, x: np.ndarray) -> np.ndarray:
        """The derivatives of E x by the open entries of E, (N, D, k)."""
        i, j = np.nonzero(self.is_open)
        found = np.zeros((*x.shape, len(i)))
        found[:, i, np.arange(len(i))] = x[:, j]
        return found

    @property
    def present(self) -> np.ndarray:
        """Where there are values, (N, D)."""
        return ~np.isnan(self.y)


@dataclass
class JointFit:
    """States and weights, and what is known of them."""

    equations: Equations
    params: Params
    x: np.ndarray  # (N, D), at the nodes
    sigma: np.ndarray  # (D,); NaN for columns that were not measured
    log_evidence: float
    free: np.ndarray  # the weights that were fitted
    root: np.ndarray  # a root of their covariance: C = root root^T
    n_steps: int
    status: str  # "converged", "max_iter", "max_time" or "failed"
    residuals: np.ndarray  # y - E x at the nodes, NaN where nothing was measured
    n_freed: float
    E: np.ndarray

    @property
    def n_last(self) -> int:
        """How many weights there are."""
        return self.equations.n_last


def fit_jointly(
    equations: Equations,
    params: Params,
    free: np.ndarray,
    x: np.ndarray,
    sigma: np.ndarray,
    measured: Measured,
    grid: Grid,
    *,
    most_steps: int = MOST_STEPS,
    is_out_of_time: Callable[[], bool] = lambda: False,
) -> JointFit | None:
    """The fit that starts from states x, weights and noise sigma; None where it fails at once.

    ``equations`` are in the units of the data; ``free``, (m,) of bool, says which last weights may
    change.
    """
    present, size = measured.present, np.sqrt(np.mean(x**2, axis=0)) + np.finfo(float).tiny
    quadratic = equations.is_quadratic
    order = np.concatenate([np.flatnonzero(free & quadratic), np.flatnonzero(free & ~quadratic)])
    n_wide = int((free & quadratic).sum())
    n_values = present.sum(axis=0)
    n_lost = _values_of_starts(present, grid)
    sigma = sigma if measured.noise is None else measured.noise
    sigma = _floored(np.where(np.isnan(sigma), _FIRST_NOISE * size, sigma), size)
    weights, E = np.ones_like(x), measured.E
    found, status, quiet = None, "max_iter", 0
    for step in range(1, most_steps + 1):
        misfit, B = measured.misfit(x, E), measured.slopes(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(present, weights / sigma**2, 0.0)
        try:
            local = linearised(equations, params, x, grid, misfit, precision, order, E, B)
            A = _design(local, E, B)
            theta = np.concatenate([equations.last(params)[order], E[measured.is_open]])
            t = misfit - local.dx0 @ E.T + A @ theta
            fit = _least_squares(A, t, precision, n_wide, B.shape[2], n_lost)
        except (np.linalg.LinAlgError, ValueError):
            status = "failed"
            break
        w = equations.last(params)
        change, of_E = np.zeros_like(w), fit.w[len(order) :] - theta[len(order) :]
        change[order] = fit.w[: len(order)] - theta[: len(order)]
        dx = local.dx0 + local.Psi @ (fit.w - theta)
        factor = _step_length(equations, params, w, change, x, dx, grid)
        if not factor:
            status = "failed"
            break
        x = x + factor * dx
        params = equations.with_last(params, w + factor * change)
        E = E.copy()
        E[measured.is_open] += factor * of_E
        residuals = np.where(present, measured.y - x @ E.T, np.nan)
        before, lost = sigma, (n_lost + fit.free) / max(present.sum(), 1)
        if measured.noise is None:
            with np.errstate(invalid="ignore"):
                squares = np.nansum(weights * residuals**2, axis=0)
                sigma = np.sqrt(squares / np.maximum(n_values * max(1.0 - lost, 0.05), 1e-300))
            sigma = _floored(np.where(n_values > 0, sigma, np.nan), size)
        if measured.robust:
            u = np.where(present, residuals / sigma, 0.0)
            weights = (_FREEDOM + 1.0) / (_FREEDOM + u**2)
        found = JointFit(
            equations, params, x, sigma, _log_evidence(fit, local, sigma, n_values), order,
            np.zeros((0, 0)), step, "max_iter", residuals, fit.free, E,
        )  # fmt: skip
        with np.errstate(invalid="ignore"):
            moved = np.sqrt(np.nanmean(np.where(present, (dx / before) ** 2, np.nan)))
            noise_moved = np.nanmax(np.abs(np.log(sigma / before)))
        is_quiet = factor == 1.0 and moved < _TO_AND_FRO and noise_moved < _STILL_NOISE
        quiet = quiet + 1 if is_quiet else 0
        if quiet and (moved < _STILL or quiet > _STEPS_TO_AND_FRO):
            status = "converged"
            break
        if is_out_of_time():
            status = "max_time"
            break
    if found is None:
        return None
    root = _root_of_covariance(A, precision, fit)[: len(order)]
    return replace(found, status=status, root=root)


def states_for(
    equations: Equations,
    params: Params,
    x: np.ndarray,
    sigma: np.ndarray,
    measured: Measured,
    grid: Grid,
) -> tuple[np.ndarray, bool]:
    """The states at the nodes for weights that stay as they are, and whether that ended."""
    none, B, E = np.zeros(0, dtype=int), np.zeros((*x.shape, 0)), measured.E
    present, size = measured.present, np.sqrt(np.mean(x**2, axis=0)) + np.finfo(float).tiny
    sigma = _floored(sigma, size)
    for _ in range(MOST_STEPS):
        misfit = measured.misfit(x, E)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(present, 1.0 / sigma**2, 0.0)
        dx = linearised(equations, params, x, grid, misfit, precision, none, E, B).dx0
        if not np.isfinite(dx).all():
            return x, False
        x = x + dx
        with np.errstate(invalid="ignore"):
            moved = np.sqrt(np.nanmean(np.where(present, (dx / sigma) ** 2, np.nan)))
        if moved < _STILL:
            return x, True
    return x, False


def _design(local: Linearised, E: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The derivatives of what instruments show by weights and entries of E, (N, D, m + k)."""
    A = np.einsum("ij,njm->nim", E, local.Psi)
    if B.shape[2]:
        A[..., -B.shape[2] :] += B
    return A


def _least_squares(
    A: np.ndarray, t: np.ndarray, precision: np.ndarray, n_wide: int, n_of_E: int, n_lost: int
) -> LinearFit:
    """The unknowns of the largest evidence; those of E stand last, and have wide priors too."""
    at, m = precision > 0.0, A.shape[2]
    root, places = np.sqrt(precision[at]), np.arange(m)
    last = m - n_of_E
    order = np.concatenate([places[:n_wide], places[last:], places[n_wide:last]])
    n = max(int(at.sum()) - n_lost, 1)
    R = _triangle(A[at][:, order] * root[:, None], t[at] * root)
    ridge = _SMALLEST * float((R[:, :-1] ** 2).sum(axis=0).max(initial=0.0))
    return solve([Factor(R, order, n_wide + n_of_E, n, float(n))], m, alpha=ridge)


def _triangle(A: np.ndarray, t: np.ndarray) -> np.ndarray:
    R = np.zeros((0, A.shape[1] + 1))
    for first in range(0, len(A), _ROWS):
        rows = slice(first, first + _ROWS)
        R = triangular(np.concatenate([R, np.column_stack([A[rows], t[rows]])]))
    return R


def _step_length(
    equations: Equations,
    params: Params,
    w: np.ndarray,
    change: np.ndarray,
    x: np.ndarray,
    dx: np.ndarray,
    grid: Grid,
) -> float:
    """One, or a half, a quarter, ..., at which the field is finite and masses are positive."""
    if not (np.isfinite(dx).all() and np.isfinite(change).all()):
        return 0.0
    factor = 1.0
    for _ in range(_HALVINGS):
        there = equations.with_last(params, w + factor * change)
        f = equations.field_if_admitted(there, with_more(x + factor * dx, grid.more))
        if f is not None and np.isfinite(f).all():
            return factor
        factor *= 0.5
    return 0.0


def _values_of_starts(present: np.ndarray, grid: Grid) -> int:
    """How many values the starts of the runs take."""
    per_run = np.add.reduceat(present.sum(axis=1), grid.ends[:-1])
    return int(np.minimum(per_run, present.shape[1]).sum())


def _log_evidence(
    fit: LinearFit, local: Linearised, sigma: np.ndarray, n_values: np.ndarray
) -> float:
    noise = float(np.sum((n_values * np.log(sigma))[n_values > 0]))
    return fit.log_evidence - 0.5 * local.volume - noise


def _root_of_covariance(A: np.ndarray, precision: np.ndarray, fit: LinearFit) -> np.ndarray:
    """A root of the covariance of the unknowns, given their prior."""
    at = precision > 0.0
    R = _triangle(A[at] * np.sqrt(precision[at])[:, None], np.zeros(int(at.sum())))[:, :-1]
    R = triangular(np.concatenate([R, np.diag(np.sqrt(fit.prior))]))
    return np.asarray(linalg.pinv(R)) * fit.error


def _floored(sigma: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.maximum(sigma, _LEAST_NOISE * size)
