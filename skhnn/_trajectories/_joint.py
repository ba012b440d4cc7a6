r"""Gauss-Newton on the states of runs and the last weights together.

Every step (see ``_collocation``) is a least squares for the weights by their evidence, in units of
the noise, whose level is estimated along: sigma_j^2 = RSS_j / (n_j (1 - lost / n)), lost being the
start of every run and what the weights take. The dynamics are exact from the first step on. Where
there are none, every row being a run, and the noise of the states is given, that of the rates is

    sigma_j^2 = mean(e_j^2 - sum_k F_jk^2 sigma_k^2),    e = (y' - f) - F (y - x),    F = df/dx.

Models are compared by their log evidence,

    log N(y) = log evidence of the weights - 1/2 log |KKT| - sum_j n_j log sigma_j.

States that still move by a part m of the noise count as noise, sigma (1 + m^2)^(1/2). A model whose
own rates are faster than the grid is none of the data: its states jump from node to node, as the
rule between nodes lets them, and |KKT| rewards it for that (seen: 1400 in the log evidence, in the
orbit of Jupiter). Such fits come behind all others.

With random forces (``_random_forces``) dynamics hold up to these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from .._data import Factor, triangular
from .._solvers._directions import Directions
from .._solvers._evidence import LinearFit, solve
from ..hamiltonians import Equations, Params
from ._collocation import Linearised, linearised
from ._measured import Measured, Shown, with_more
from ._noise import first_noise, floored, noise_left
from ._random_forces import RandomForces
from ._runs import Grid

MOST_STEPS = 25
# A fit has ended where states move by less than this part of the noise.
STILL = 5e-3
# Of the first steps the last is kept, of later ones the best: evidences of states that are far off
# say too much (by 200, of models that went astray afterwards).
FIRST_STEPS = 5


@dataclass
class JointFit:
    """States and weights, and what is known of them."""

    equations: Equations
    params: Params
    x: np.ndarray  # (N, D), at the nodes
    sigma: np.ndarray  # (K,); NaN for columns that were not measured
    log_evidence: float
    free: Directions  # along which the weights were fitted
    root: np.ndarray  # a root of the covariance along them: root root^T
    n_steps: int
    status: str  # "converged", "max_iter", "max_time" or "failed"
    residuals: np.ndarray  # (N, K), at the nodes, NaN where nothing was measured
    n_freed: float
    E: np.ndarray
    evidence_if_white: float  # the log evidence with tau = 1, to compare fits of any tau
    q: np.ndarray | None  # (D,), the densities of random forces, if any
    is_resolved: bool  # by the grid
    lost: float  # the part of the measured values that starts and weights take
    is_exact: bool  # whether what is left is too small for the noise of an instrument

    @property
    def rank(self) -> tuple[bool, float]:
        """By which fits are compared."""
        return self.is_resolved, self.log_evidence

    @property
    def model(self) -> tuple[Equations, Params]:
        """The equations and their params."""
        return self.equations, self.params

    @property
    def covariance(self) -> np.ndarray:
        """That of all last weights; zero of those that were not fitted."""
        root = self.free.full(self.root, self.n_last)
        return root @ root.T

    @property
    def n_last(self) -> int:
        """How many weights there are."""
        return self.equations.n_last


def fit_jointly(
    equations: Equations,
    params: Params,
    free: Directions,
    x: np.ndarray,
    sigma: np.ndarray,
    measured: Measured,
    grid: Grid,
    *,
    most_steps: int = MOST_STEPS,
    tau: float = 1.0,
    q: np.ndarray | None = None,
    is_out_of_time: Callable[[], bool] = lambda: False,
) -> JointFit | None:
    """The fit that starts from states x, weights and noise sigma; None where it fails at once.

    ``equations`` are in the units of the data; their last weights may change along ``free``. What
    is left of ``tau`` values in a row is alike, so that n values count as n / tau.
    ``q``, (D,), is a guess of the densities of random forces, zero where there are none.
    """
    newton = _Newton(equations, params, free, x, sigma, measured, grid, tau, q)
    status, quiet = "max_iter", 0
    # Or where they go to and fro for so many steps, as rounding in a hundred thousand nodes may
    # make them.
    steps_to_and_fro = 3
    for _ in range(most_steps):
        if not newton.step():
            status = "failed"
            break
        quiet = quiet + 1 if newton.is_quiet else 0
        if quiet and (newton.moved < STILL or quiet > steps_to_and_fro):
            status = "converged"
            break
        if is_out_of_time():
            status = "max_time"
            break
    return newton.result(status)


class _Newton:
    """States, last weights, calibration and noise of a joint fit, step by step.

    The unknowns of a step are the weights that are ``free``, those with wide priors first, and the
    entries of E that are open.
    """

    def __init__(
        self, equations: Equations, params: Params, free: Directions, x: np.ndarray,
        sigma: np.ndarray, measured: Measured, grid: Grid, tau: float, q: np.ndarray | None,
    ):  # fmt: skip
        self.equations, self.measured, self.grid, self.tau = equations, measured, grid, tau
        self.params, self.x, self.E = params, x, measured.E
        is_wide, present = equations.is_quadratic[free.places], measured.present
        self.free = free.at(np.argsort(~is_wide, kind="stable"))
        self.n_wide, self.n_of_E = int(is_wide.sum()), int(measured.is_open.sum())
        self.n_lost = _values_of_starts(present, grid, x.shape[1])
        self.nodes, self.size = np.flatnonzero(present.any(axis=1)), measured.sizes(x)
        self.weights = measured.weight * np.ones_like(measured.y)
        self.sigma = first_noise(measured, sigma, self.size, self._misfit())
        self.n_steps, self.moved, self.is_quiet = 0, np.inf, False
        #: The best step so far and the last one, each with R and the least squares of the step.
        self._best: tuple[JointFit, np.ndarray, LinearFit] | None = None
        self._last: tuple[JointFit, np.ndarray, LinearFit] | None = None
        self.forces = None if q is None else RandomForces(q, grid, measured.y.shape[1])

    def step(self) -> bool:
        """One step; False where it leads nowhere, and all stays as it is."""
        last, measured = self.equations.last(self.params), self.measured
        n, of_E = len(self.free), self.E[measured.is_open] / measured.unit_of_E
        now = np.concatenate([last[self.free.places], of_E])
        shown = measured.shown(self.equations, self.params, self.x, self.grid, self.E, self.free)
        precision = measured.precision(self.sigma, self.weights)
        try:
            local = self._linearised(shown, precision)
            A, t = self._rows(local, shown.at(self.nodes), precision[self.nodes], now)
            n_values = max(int((precision > 0.0).sum()) - self.n_lost, 1)
            R = _triangle(A, t)
            fit, factor = self._admitted(R, n_values, now, local)
        except (np.linalg.LinAlgError, ValueError):
            return False
        if not factor:
            return False
        change = self.free.full((fit.w - now)[:n], len(last))
        dx = local.dx0 + local.Psi[..., : len(now)] @ (fit.w - now)
        self.x = self.x + factor * dx
        self.params = self.equations.with_last(self.params, last + factor * change)
        self.E = self.E.copy()
        self.E[measured.is_open] += factor * (fit.w - now)[n:] * measured.unit_of_E
        self.n_steps += 1
        pushes = local.push[..., 0] + local.push[..., 1 : 1 + len(now)] @ (fit.w - now)
        found = self._look(fit, local, shown, precision, pushes, dx, factor)
        self._last = found, R, fit
        if self._best is None or self.n_steps <= FIRST_STEPS or found.rank > self._best[0].rank:
            self._best = self._last
        return True

    def _admitted(
        self, R: np.ndarray, n_values: int, now: np.ndarray, local: Linearised
    ) -> tuple[LinearFit, float]:
        """The unknowns of the largest evidence, and how much of the step to them can be taken.

        Ridges are larger where it leads to masses that are not positive: far from the end evidence
        is that of linear equations which do not hold there.
        """
        # Steps of a quarter and less did not end (eight runs of a double pendulum, two of three
        # samplings failed at once), whole ones alone took twice as many.
        enough, larger, most_tries = 0.5, 10.0, 8
        w, n, alpha = self.equations.last(self.params), len(self.free), 0.0
        found: list[tuple[LinearFit, float]] = []
        while not found or (found[-1][1] < enough and len(found) < most_tries and self.n_wide < n):
            fit = _least_squares(R, n_values, self.n_wide, self.n_of_E, self.tau, alpha)
            change = self.free.full((fit.w - now)[:n], len(w))
            dx = local.dx0 + local.Psi[..., : len(now)] @ (fit.w - now)
            length = _step_length(self.equations, self.params, w, change, self.x, dx, self.grid)
            found.append((fit, length))
            alpha = larger * float(fit.prior[self.n_wide]) if self.n_wide < n else 0.0
        return max(found, key=lambda one: one[1])

    def _linearised(self, shown: Shown, precision: np.ndarray) -> Linearised:
        """To first order, with draws of random forces behind the unknowns."""
        known = self.equations, self.params, self.x, self.grid, self.free
        forces = self.forces
        if forces is None:
            return linearised(*known, shown, precision, self.n_of_E)
        drawn, by_draws = forces.with_draws(shown, precision), forces.by_draws
        n_more = self.n_of_E + by_draws.shape[2]
        return linearised(*known, drawn, precision, n_more, T=forces.variances, of_more=by_draws)

    def _rows(
        self, local: Linearised, there: Shown, precision: np.ndarray, now: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Measurements and random forces in units of their deviations, t - A w."""
        at, m = precision > 0.0, len(now)
        A = there.by_all(local.Psi[self.nodes][..., :m])
        t = there.misfit - (there.by_x @ local.dx0[self.nodes, :, None])[..., 0] + A @ now
        root = np.sqrt(precision[at])
        A, t = A[at] * root[:, None], t[at] * root
        if self.forces is None:
            return A, t
        push = local.push.reshape(-1, local.push.shape[2])
        of_w = push[:, 1 : 1 + m]
        return np.concatenate([A, of_w]), np.concatenate([t, of_w @ now - push[:, 0]])

    def _look(
        self, fit: LinearFit, local: Linearised, shown: Shown, precision: np.ndarray,
        pushes: np.ndarray, dx: np.ndarray, factor: float,
    ) -> JointFit:  # fmt: skip
        """The noise, the evidence, and how far the step went."""
        measured, before = self.measured, self.sigma
        present, residuals = measured.present, self._misfit()
        lost = (self.n_lost + fit.free) / max(present.sum(), 1)
        if self.forces is None:
            sigma = noise_left(
                measured, before, residuals, self.weights, lost, self.size, shown, self.grid
            )
        else:
            left = np.where(present, residuals, 0.0) * np.sqrt(precision)
            ratio = self.forces.look(local, shown, precision, left, pushes, fit.free)
            sigma = np.where(np.isnan(measured.noise), before * np.sqrt(ratio), measured.noise)
            sigma = np.where(present.any(axis=0), sigma, np.nan)
            sigma = floored(sigma, self.size, len(measured.E))
        # The weights of a Student t distribution with four degrees of freedom.
        freedom = 4.0
        if measured.robust:
            u = np.where(present, residuals / sigma, 0.0)
            self.weights = measured.weight * (freedom + 1.0) / (freedom + u**2)
        D = dx.shape[1]
        with np.errstate(invalid="ignore"):
            squares = np.where(present[:, :D], (dx / before[:D]) ** 2, np.nan)
            self.moved = float(np.sqrt(np.nanmean(squares)))
            noise_moved = np.nanmax(np.abs(np.log(sigma / before)))
        to_and_fro = 0.2
        still_noise = 1e-2
        self.is_quiet = factor == 1.0 and self.moved < to_and_fro and noise_moved < still_noise
        # By how much the logarithm of a density of random forces may still change at the end.
        still_forces = 0.1
        if self.forces is not None:
            self.is_quiet = self.is_quiet and self.forces.moved < still_forces
        self.sigma = sigma
        noise = before * np.sqrt(1.0 + self.moved**2)
        evidence, if_white = _log_evidences(fit, local.volume, noise, present, self.tau)
        # The rule between nodes resolves rates up to this one times 1 / h: at the end of good fits
        # to planets, pendulums and Henon-Heiles they are 0.1 to 0.4, where fits went astray 4 to
        # 1e4.
        resolved = 2.0
        # Noise below this part of the size of a column is of no instrument, but what hidden layers
        # lack.
        of_instruments = 1e-6
        return JointFit(
            self.equations, self.params, self.x, sigma, evidence, self.free, np.zeros((0, 0)),
            self.n_steps, "max_iter", residuals, fit.free, self.E, if_white,
            None if self.forces is None else self.forces.q,
            is_resolved=local.stiffness < resolved, lost=float(lost),
            is_exact=bool(np.any(sigma[:D] <= of_instruments * self.size[:D])),
        )  # fmt: skip

    def result(self, status: str) -> JointFit | None:
        """The fit at its end, or the best so far; None before the first step."""
        kept = self._last if status == "converged" else self._best
        if kept is None:
            return None
        found, R, fit = kept
        return replace(found, status=status, root=_root_of_covariance(R, fit)[: len(self.free)])

    def _misfit(self) -> np.ndarray:
        return self.measured.misfit(self.equations, self.params, self.x, self.grid, self.E)


def _least_squares(
    R: np.ndarray, n: int, n_wide: int, n_of_E: int, tau: float, alpha: float
) -> LinearFit:
    """The unknowns of the largest evidence for n values, of which R has the least squares.

    Those of E stand last, and have wide priors too; ridges are not smaller than ``alpha``.
    """
    m = R.shape[1] - 1
    places, last = np.arange(m), m - n_of_E
    order = np.concatenate([places[:n_wide], places[last:], places[n_wide:last]])
    # The smallest ridge, relative to the square of the largest column: below, rounding of the
    # states decides, and in 40,000 rows they went to and fro by a tenth of the noise (1e-12 cost
    # evidence).
    smallest = 1e-14
    alpha = max(alpha, smallest * float((R[:, :-1] ** 2).sum(axis=0).max(initial=0.0)))
    ordered = triangular(np.column_stack([R[:, order], R[:, -1]])) if n_of_E else R
    factor = Factor(ordered, order, n_wide + n_of_E, n, float(n))
    return solve([factor], m, tau=tau, alpha=alpha)


def _triangle(A: np.ndarray, t: np.ndarray) -> np.ndarray:
    R = np.zeros((0, A.shape[1] + 1))
    # Rows of a factor at a time.
    rows_at_once = 4096
    for first in range(0, len(A), rows_at_once):
        rows = slice(first, first + rows_at_once)
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
    halvings = 8
    for _ in range(halvings):
        there = equations.with_last(params, w + factor * change)
        f = equations.field_if_admitted(there, with_more(x + factor * dx, grid.more))
        if f is not None and np.isfinite(f).all():
            return factor
        factor *= 0.5
    return 0.0


def _values_of_starts(present: np.ndarray, grid: Grid, n_state: int) -> int:
    """How many values the starts of the runs take."""
    per_run = np.add.reduceat(present.sum(axis=1), grid.ends[:-1])
    return int(np.minimum(per_run, n_state).sum())


def _log_evidences(
    fit: LinearFit, volume: float, sigma: np.ndarray, present: np.ndarray, tau: float
) -> tuple[float, float]:
    """Log evidences, with n values counted as n / tau, and as n."""
    n_values = present.sum(axis=0)
    noise = float(np.sum((n_values * np.log(sigma))[n_values > 0]))
    found = fit.log_evidence - 0.5 * volume - noise / tau
    of_all = fit.n_equations * np.log(max(fit.error, np.finfo(float).tiny)) + noise
    return found, float(found - (1.0 - 1.0 / tau) * of_all)


def _root_of_covariance(R: np.ndarray, fit: LinearFit) -> np.ndarray:
    """A root of the covariance of the unknowns, given their prior."""
    R = triangular(np.concatenate([R[:, :-1], np.diag(np.sqrt(fit.prior))]))
    return np.asarray(linalg.pinv(R)) * fit.error
