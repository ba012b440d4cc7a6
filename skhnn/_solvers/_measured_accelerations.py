r"""Starts for masses: the equations of motion at the accelerations of the data.

There they are linear in all weights, E(w) = A w - t = 0. Where L has no unit, the mean of M is that
of the prior.

The least squares alone may have masses that are not positive. Each normal mode of a linear system,
say, has a mass that does not show, and of all masses with E = 0 those of the nearest weights are
hardly ever positive. So there is a second start, of constant masses, the least

    1/2 |A w - t|^2 - mu log det M(w)

(a barrier, see S. Boyd and L. Vandenberghe, "Convex Optimization", Cambridge 2004, section 11.2),
which Newton's method finds after all other weights are eliminated.
"""

import numpy as np

from .._data import Factor, Part, Problem, triangular
from ..hamiltonians import LagrangianEquations, Params
from ._evidence import solve


class MeasuredAccelerations:
    """E(w) = 0 at the accelerations of some rows of a problem.

    ``part`` has the places of the weights, ``prior`` is where priors are, of positive masses, ``X``
    are states, and ``tau`` and ``alpha`` as in ``solve``.
    """

    def __init__(
        self,
        problem: Problem,
        equations: LagrangianEquations,
        params: Params,
        rows: np.ndarray,
        part: Part,
        prior: np.ndarray,
        X: np.ndarray,
        *,
        tau: float,
        alpha: float,
    ):
        self.equations, self.params = equations, equations.with_last(params, prior)
        self.prior, self.X, self.tau, self.alpha = prior, X, tau, alpha
        self.weights, self.n_wide = part.weights, part.n_wide
        d = len(part.columns)
        self.n_equations, self.size = d * len(rows), d * problem.weight_of(rows)
        #: The weight that follows from the others, as the mean of M stays, and its slopes.
        self.held: int | None = None
        if equations.has_free_scale:
            trace = equations.trace(self.params, X)[self.weights]
            self.held = int(np.argmax(np.abs(trace * prior[self.weights])))
            self.slopes = -trace / trace[self.held]
            self.n_wide -= self.held < self.n_wide
        R = self._factor_of_E(problem, rows)
        self.R = triangular(np.column_stack([self._with_mean_held(R[:, :-1]), R[:, -1]]))

    def least_squares(self) -> np.ndarray:
        """All weights (m,) by the evidence, whatever the sign of masses."""
        places = np.arange(self.R.shape[1] - 1)
        return self._whole(self._solved(self.R, places), places)

    def with_positive_masses(self) -> np.ndarray:
        """The same where masses are constant, as far as they are learned, and positive."""
        v = self.equations.v_size
        # States at which masses are looked at: where a part of them is known it may depend on q.
        points = 50
        size, X = v[:, None] * v, self.X[: points if self.equations.known else 2]
        S = self.equations.mass_slopes(self.params, X)[..., self.weights]
        S = self._with_mean_held(S * size[..., None])
        are_masses = S.any(axis=(0, 1, 2))
        are_constant = are_masses & (np.ptp(S, axis=0) <= 1e-12 * np.abs(S).max()).all(axis=(0, 1))
        others, masses = np.flatnonzero(~are_masses), np.flatnonzero(are_constant)
        n, S = len(others), S[..., masses]
        if not len(masses):
            return self.prior
        R = triangular(self.R[:, [*others, *masses, -1]])
        A, b = R[n:, n:-1], R[n:, -1]
        # mu, relative to the squares of the columns of masses in A. With 1e-4 and 1e-2 linear
        # systems of two and three coordinates, noise of 0 to 10 %, ended alike, after more steps.
        barrier = 1e-6
        mu = barrier * np.sum(self.R[:, masses] ** 2) / np.sum(S**2)
        x = _least_with_barrier(A, b, self.equations.masses(self.params, X) * size, S, mu)
        left = np.column_stack([R[:n, :n], R[:n, -1] - R[:n, n:-1] @ x])
        found = np.concatenate([self._solved(left, others), x])
        return self._whole(found, np.concatenate([others, masses]))

    def _solved(self, R: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The unknowns of R, which are at these places of self.R, by the evidence."""
        n_wide = int((places < self.n_wide).sum())
        factor = Factor(R, np.arange(len(places)), n_wide, self.n_equations, self.size)
        return solve([factor], len(places), tau=self.tau, alpha=self.alpha).w

    def _with_mean_held(self, A: np.ndarray) -> np.ndarray:
        """Slopes by all weights (..., m) as slopes by those that are not held, (..., m - 1)."""
        if self.held is None:
            return A
        return np.delete(A + A[..., self.held, None] * self.slopes, self.held, axis=-1)

    def _whole(self, delta: np.ndarray, places: np.ndarray) -> np.ndarray:
        """All last weights, for changes of those at these places of self.R."""
        of_part = np.zeros(self.R.shape[1] - 1)
        of_part[places] = delta
        if self.held is not None:
            of_part = np.insert(of_part, self.held, 0.0)
            of_part[self.held] = self.slopes @ of_part
        w = self.prior.copy()
        w[self.weights] += of_part
        return w

    def _factor_of_E(self, problem: Problem, rows: np.ndarray) -> np.ndarray:
        """R of [dE/dw, -E(prior)], each force times the size of its velocity, as energies."""
        equations = self.equations
        R = np.zeros((0, len(self.weights) + 1))
        step = max(4 * equations.n_last // problem.n_targets, 64)
        for first in range(0, len(rows), step):
            X, y, c = problem.take(rows[first : first + step])
            A, known = equations.implied(self.params, X, y)
            t = -known - A @ self.prior
            own = np.concatenate([A[..., self.weights], t[..., None]], axis=2)
            own *= np.sqrt(c * problem.total_weight)[:, None, None] * equations.v_size[:, None]
            R = triangular(np.concatenate([R, own.reshape(-1, len(self.weights) + 1)]))
        return R


def _least_with_barrier(
    A: np.ndarray, b: np.ndarray, M: np.ndarray, S: np.ndarray, mu: float
) -> np.ndarray:
    """x (k,) of the least |A x - b|^2 / 2 - mu sum_p log det(M_p + S_p x), from x = 0.

    M (p, d, d) are positive definite, and so are all M + S x on the way.
    """

    def value(x: np.ndarray) -> float:
        sizes = np.linalg.eigvalsh(M + S @ x)
        if sizes.min() <= 0.0:
            return np.inf
        return float(0.5 * np.sum((A @ x - b) ** 2) - mu * np.log(sizes).sum())

    d, x = M.shape[1], np.zeros(S.shape[-1])
    now = value(x)
    # Newton's method ends after so many steps, or where the decrease is this part.
    steps, decrease, halvings = 50, 1e-6, 30
    for _ in range(steps):
        inverse = np.linalg.inv(M + S @ x)
        W = (inverse @ S.reshape(len(S), d, -1)).reshape(S.shape)  # of log det: tr W_a, tr W_a W_b
        slope = A.T @ (A @ x - b) - mu * np.einsum("piia->a", W)
        turned = W.swapaxes(1, 2).reshape(-1, len(x))
        curvature = A.T @ A + mu * turned.T @ W.reshape(-1, len(x))
        step, before = -np.linalg.lstsq(curvature, slope, rcond=None)[0], now
        for _ in range(halvings):
            now = value(x + step)
            if now < before:
                break
            step = 0.5 * step
        else:
            break
        x = x + step
        if before - now <= decrease * abs(before):
            break
    return x
