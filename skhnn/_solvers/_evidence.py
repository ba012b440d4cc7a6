r"""The last weights by least squares, with the ridge that the evidence of the data chooses.

With the hidden layers fixed, the field is linear in the last weights: u of the linear and quadratic
energies and w of the units,

    t = A_u u + A_w w + noise,    u ~ N(0, WIDE^2),    w ~ N(0, sigma^2 / ridge),

one row of [A_u A_w t] for every (row, column) of the data. It is reduced, piece by piece, to its
triangular factor; beside A_u that has A_w = U S V^T, and with q = U^T t

    Q = r^2 + sum q^2 ridge / (s^2 + ridge),    sigma^2 = Q / N,    r^2 what no w can explain,
    -2 log evidence = N log sigma^2 + sum log(1 + s^2 / ridge)
                      + log det(1 + WIDE^2 R_u^T R_u / sigma^2).

It compares ridges, and hidden layers that were drawn in different ways, without any rows left out,
and holds with fewer equations than unknowns. Errors that are alike for tau rows in a row count as
N / tau equations.

Parts of the equations that share no unknowns have a noise and a ridge each.

Where units can only nearly cancel each other, tiny ridges leave huge w, and rounding moves the
field by about eps (sum |A_k|^2 w_k^2 / N)^(1/2) from row to row. No integrator can follow such a
field: ridges that make it rougher than ``SMOOTH`` are left out where it is to be simulated.

References
----------
D. J. C. MacKay, "Bayesian interpolation", Neural Computation 4 (1992) 415-447.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from .._data import DerivativeFit, Factor, triangular
from ..hamiltonians import Params

# The spread of quadratic energies, in units where states and targets have spread one.
WIDE = 10.0
#: The largest rounding of a field that is to be simulated, in units of the spread of the targets.
#: Simulations with the default tolerances of a pendulum whose length is a column, by a separable H
#: (24, three seeds): with 5e-8 six could not go on, with 1e-8 four, with 2e-9 and 5e-10 none.
SMOOTH = 2e-9
#: A field that is right and rough is better than a smooth one with so many times its error (a body
#: beside one that is heavier by 1e9: 1e-5 and 5e-2).
COST_OF_SMOOTH = 10.0
# What is finer counts as noise, lest rounding decide.
_ROUNDING = 1e-12
# As multiples of the largest s^2: the range of double precision.
_RIDGES = 10.0 ** np.arange(-30.0, 4.1, 0.5)
_EPS = np.finfo(float).eps
_TINY = np.finfo(float).tiny


@dataclass
class LinearFit:
    """The last weights, and what the evidence says of them.

    ``error`` is sigma, in units of the spread of the targets; ``left`` the root mean square that w
    leaves of the equations it was fitted to; ``free`` the number of unknowns that the data
    determine, sum s^2 / (s^2 + ridge) and all of u. The prior has the precision ``prior``, (m,), in
    units of that of the noise. ``is_smooth``: rounding moves the field by no more than was allowed.
    """

    w: np.ndarray
    log_evidence: float
    error: float
    left: float
    free: float
    n_equations: int
    prior: np.ndarray
    is_smooth: bool = True


def covariance(
    data: DerivativeFit, params: Params, rows: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """(A^T A + prior)^-1 of the last weights, (m, m), for all rows; zero for those not free.

    The prior is that of the largest evidence.
    """
    problem, m = data.problem, data.equations.n_last
    last = data.equations.last(params)
    start = np.where(free, 0.0, last)
    found = np.zeros((m, m))
    for factor in data.reduced(params, rows, start, free, with_own_rates=True):
        # A coefficient has a prior as wide as it is, at least: that of other quadratic energies is
        # nothing beside a mass that is a million times another.
        unit = np.ones(len(factor.weights))
        unit[: factor.n_wide] = np.maximum(np.abs(last[factor.weights[: factor.n_wide]]), 1.0)
        N, R = factor.n_equations, factor.R * np.append(unit, 1.0)
        own = _Part(Factor(R, factor.weights, factor.n_wide, N, factor.size), 1.0, np.inf)
        k, R = own.best(0.0), R[:, :-1]
        scale = factor.size / max(N, 1)
        prior = np.full(R.shape[1], own.ridges[k] * scale)
        prior[: factor.n_wide] = own.Q[k] / N / WIDE**2 * scale
        H = R.T @ R + np.diag(prior)
        inverse = unit[:, None] * linalg.pinvh(H) * unit
        found[np.ix_(factor.weights, factor.weights)] = inverse
    return found * (len(rows) / problem.n_samples)


def solve(
    factors: list[Factor],
    n_last: int,
    *,
    tau: float = 1.0,
    alpha: float = 0.0,
    judges: list[Factor] | None = None,
    roughest: float = np.inf,
) -> LinearFit:
    """The last weights with the ridges of the largest evidence; zero where there is no factor.

    ``judges`` are the factors of other rows, which then choose the ridges; rounding must not move
    the field by more than ``roughest``.
    """
    w, prior = np.zeros(n_last), np.zeros(n_last)
    log_evidence, Q, squares, free, is_smooth = 0.0, 0.0, 0.0, 0.0, True
    # Coefficients u so much larger than their prior are open, not found: where unknowns are more
    # than equations the smallest noise is none and leaves no prior, and they have the one at the
    # noise that was found (25 oscillators, 17 rows: coefficients of 5e10).
    far_from_prior = 10.0
    for i, factor in enumerate(factors):
        judge = None if judges is None else judges[i]
        own, k = _best(factor, tau, roughest, alpha, judge)
        w[factor.weights] = own.weights(k)
        n_wide = factor.n_wide
        if np.abs(w[factor.weights[:n_wide]]).max(initial=0.0) > far_from_prior * WIDE:
            noise = float(np.sqrt(own.Q[k] / max(factor.n_equations, 1)))
            own, k = _best(factor, tau, roughest, alpha, judge, noise)
            w[factor.weights] = own.weights(k)
        prior[factor.weights] = own.ridges[k]
        prior[factor.weights[: factor.n_wide]] = own.Q[k] / max(factor.n_equations, 1) / WIDE**2
        R = factor.normalised
        residual = R[:, :-1] @ w[factor.weights] - R[:, -1]
        log_evidence += own.log_evidence[k]
        Q, squares = Q + own.Q[k], squares + float(residual @ residual)
        free += own.free[k]
        is_smooth &= bool(own.is_smooth[k])
    n = sum(factor.n_equations for factor in factors)
    error, left = (float(np.sqrt(value / max(n, 1))) for value in (Q, squares))
    return LinearFit(w, float(log_evidence), error, left, float(free), n, prior, is_smooth)


def _best(
    factor: Factor,
    tau: float,
    roughest: float,
    alpha: float,
    judge: Factor | None,
    noise: float = 0.0,
) -> tuple["_Part", int]:
    """The formulas for a factor, and the place of the best ridge."""
    own = _Part(factor, tau, roughest, noise)
    return own, own.best(alpha) if judge is None else own.best_for(judge, alpha)


class _Part:
    """The formulas of the module for one factor, at every ridge.

    The prior of u is that at a ``noise``, or at the smallest noise there can be, which is what all
    unknowns leave.
    """

    def __init__(self, factor: Factor, tau: float, roughest: float, noise: float = 0.0):
        N, n_u, R = factor.n_equations, factor.n_wide, factor.normalised
        least = abs(R[-1, -1]) if len(R) == R.shape[1] else 0.0
        sigma = np.sqrt(max(least**2 / N, noise**2) + _ROUNDING**2)
        # Rounded, so that it is the same for many networks.
        reflections, s_u = factor.with_prior(10.0 ** np.round(np.log10(sigma)) / WIDE)
        beside = np.zeros((n_u + min(len(R), n_u), R.shape[1] - n_u))
        beside[n_u:] = R[:n_u, n_u:]
        top, below = reflections.of(beside)
        self.top = np.concatenate([reflections.R, top], axis=1)
        rest = triangular(np.concatenate([R[n_u:, n_u:], below]))
        U, self.s, self.Vt = svd(rest[:, :-1])
        self.q = U.T @ rest[:, -1]
        unexplained = rest[:, -1] - U @ self.q
        s2 = self.s**2
        self.ridges = np.maximum(_RIDGES * s2.max(initial=0.0), _TINY)
        ridges = self.ridges[:, None]
        by_ridge = (self.q**2 * ridges / (s2 + ridges)).sum(axis=1)
        self.Q = unexplained @ unexplained + N * _ROUNDING**2 + by_ridge
        # What rounding of w and of their products leaves, where these are large and cancel.
        along_V, A = self.q * self.s / (s2 + ridges), R[:, n_u:-1]  # w = V along_V
        self.Q += (_EPS * np.linalg.norm(A)) ** 2 * (along_V**2).sum(axis=1)
        self.is_smooth = np.ones(len(ridges), dtype=bool)
        if np.isfinite(roughest):  # of the sum of the units at each row: what an integrator sees
            sizes = np.linalg.norm(A, axis=0)[:, None] * (self.Vt.T @ along_V.T)
            rounding = _EPS * np.linalg.norm(sizes, axis=0)
            self.is_smooth = rounding <= roughest * np.sqrt(max(N, 1))
        s2_u = s_u**2 * WIDE**2 / tau
        volume = np.log1p(s2 / ridges).sum(axis=1)
        volume += np.log1p(s2_u / (self.Q / N)[:, None]).sum(axis=1)
        self.log_evidence = -0.5 * (N / tau * np.log(self.Q / N) + volume)
        self.free = n_u + (s2 / (s2 + ridges)).sum(axis=1)

    def best(self, alpha: float) -> int:
        """The ridge of the largest evidence, of those that are not smaller than ``alpha``."""
        allowed = np.where(self.ridges >= alpha, self.log_evidence, -np.inf)
        if not np.isfinite(allowed).any():
            return len(self.ridges) - 1
        k = int(np.argmax(allowed))
        smooth = int(np.argmax(np.where(self.is_smooth, allowed, -np.inf)))
        is_worth_it = self.is_smooth[smooth] and self.Q[smooth] <= COST_OF_SMOOTH**2 * self.Q[k]
        return smooth if is_worth_it else k

    def best_for(self, judge: Factor, alpha: float) -> int:
        """The largest ridge that is about the best for other rows; it makes the smoothest H."""
        allowed = np.flatnonzero(self.ridges >= alpha)
        W = np.column_stack([self.weights(k) for k in allowed.tolist()])
        squares = np.sum((judge.R[:, :-1] @ W - judge.R[:, -1:]) ** 2, axis=0)
        smooth = np.where(self.is_smooth[allowed], squares, np.inf)
        if smooth.min() <= COST_OF_SMOOTH**2 * squares.min():
            squares = smooth
        # An error on rows left out that is larger by this factor is about the same.
        slack = 1.001
        return int(allowed[np.flatnonzero(squares <= slack**2 * squares.min())[-1]])

    def weights(self, k: int) -> np.ndarray:
        """u and w at the k-th ridge."""
        w = self.Vt.T @ (self.q * self.s / (self.s**2 + self.ridges[k]))
        n_u = len(self.top)
        if not n_u:
            return w
        left = self.top[:, -1] - self.top[:, n_u:-1] @ w
        u = linalg.solve_triangular(self.top[:, :n_u], left, check_finite=False)
        return np.concatenate([u, w])


def svd(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, s and V^T of A; the slower method of LAPACK where the fast one gives up."""
    try:
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
    except np.linalg.LinAlgError:
        U, s, Vt = linalg.svd(A, full_matrices=False, lapack_driver="gesvd")
    return U, s, Vt
