r"""The last weights where masses are among them, so that the field is not linear in them.

The accelerations are M(w)^-1 F(w). Their equations E(w) = 0 are linear, and as a start these are
solved at the measured accelerations, for masses of a given mean. The noise of the accelerations
makes these masses too small, so that Gauss-Newton steps follow, each of them a least squares by the
evidence of

    y - f(w_k) = J (w - w_k),    J = df/dw = -M^-1 dE/dw at predicted accelerations.

Where L has no unit J w = 0, and one weight is held.
"""

import time

import numpy as np

from .._data import DerivativeFit, Factor, KnownWeights, Problem, triangular
from ..hamiltonians import LagrangianEquations, Params
from ._evidence import LinearFit, solve

# Gauss-Newton ends after so many steps, or where the squares change by less than this part.
STEPS, _CHANGE = 12, 1e-3
# A step may leave so many times what the linear equations promise.
_PROMISE = 2.0
_HALVINGS = 12
# The weights of accelerations, relative to one over their variances, are within this factor.
_WEIGHTS = 100.0
# Rows at which masses, and residuals, are looked at.
_ROWS_OF_MASSES, _ROWS_OF_RESIDUALS = 400, 5000


class Implicit:
    """Gauss-Newton for the last weights of a Lagrangian; ``known`` are those that priors are at."""

    def __init__(
        self,
        problem: Problem,
        equations: LagrangianEquations,
        params: Params,
        rows: np.ndarray,
        known: KnownWeights,
        judge: Problem | None,
        tau: float,
        alpha: float,
    ):
        self.problem, self.equations, self.params, self.rows = problem, equations, params, rows
        self.prior, self.free, self.judge = known.w, known.free, judge
        self.tau, self.alpha = tau, alpha
        self.data = DerivativeFit(problem.subset(rows), equations)
        (self.part,) = self.data.parts(np.ones(equations.n_last, dtype=bool))
        every = max(len(rows) // _ROWS_OF_MASSES, 1)
        self.X = problem.take(rows[::every])[0]
        self.first_weights = problem.scaling.w

    def fit(self, n_steps: int, deadline: float = np.inf) -> LinearFit:
        """The weights of the better of two starts, after the steps from there, one at least."""
        w = self.start()
        for k in range(n_steps):
            if k:
                self.weigh_columns(w)
            squares = self.squares(w)
            linear = self.linearised(w)
            goal = max(squares, _PROMISE * linear.left**2 * linear.n_equations)
            step, before = linear.w - w, squares
            for _ in range(_HALVINGS):
                squares = self.squares(w + step)
                if squares <= goal:
                    break
                step = 0.5 * step
            else:
                squares = before
                break
            w = w + step
            stands_still = k and abs(squares - before) <= _CHANGE * before
            if stands_still or time.perf_counter() > deadline:
                break
        linear.w = w
        linear.left = float(np.sqrt(squares / max(linear.n_equations, 1)))
        return linear

    def weigh_columns(self, w: np.ndarray) -> None:
        """Give each acceleration the weight that its own residuals deserve, within bounds.

        The product of the factors is one, so that evidences can be compared.
        """
        params, columns = self.equations.with_last(self.params, w), self.part.columns
        some = self.rows[:: -(-len(self.rows) // _ROWS_OF_RESIDUALS)]
        X, y, root = self.problem.equations(some)
        r = ((y - self.equations.field(params, X)) * root)[:, columns]
        of_column = np.maximum(np.mean(r**2, axis=0), np.finfo(float).tiny)
        factors = np.exp(np.mean(np.log(of_column))) / of_column
        weights = self.problem.scaling.w.copy()
        ratio = factors * weights[columns] / self.first_weights[columns]
        weights[columns] = self.first_weights[columns] * np.clip(ratio, 1.0 / _WEIGHTS, _WEIGHTS)
        self.problem = self.problem.with_column_weights(weights)
        self.data = DerivativeFit(self.problem.subset(self.rows), self.equations)

    def squares(self, w: np.ndarray) -> float:
        """What the weights leave of the equations; infinite where a mass is not positive."""
        if not np.isfinite(w).all():
            return np.inf
        params = self.equations.with_last(self.params, w)
        found = float(self.data.squares(params, [self.part]).sum())
        return found if np.isfinite(found) else np.inf

    def linearised(self, w: np.ndarray) -> LinearFit:
        """The solution of the equations that are linearised at w."""
        params = self.equations.with_last(self.params, w)
        held = np.where(self.free, self.prior, w)

        def factors(problem: Problem, rows: np.ndarray) -> list[Factor]:
            return DerivativeFit(problem, self.equations).reduced(params, rows, held, self.free)

        judges = None
        if self.judge is not None:
            judges = factors(self.judge, np.arange(self.judge.n_samples))
        fit = solve(
            factors(self.problem, self.rows),
            self.equations.n_last,
            judges=judges,
            tau=self.tau,
            alpha=self.alpha,
        )
        fit.w += held
        return fit

    def start(self) -> np.ndarray:
        """Weights with positive masses: those of the measured accelerations, or alike ones.

        Where L has no unit it gets the one at which the mean of M is that of the prior, and one
        weight is held. (Masses whose mean is nearly zero have none.)
        """
        starts = [self.prior, self.equations.last(self.params), self.of_measured_accelerations()]
        if not self.equations.has_free_scale:
            return min(starts, key=self.squares)
        trace = self.equations.trace(self.params, self.X)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scaled = [w * ((trace @ self.prior) / (trace @ w)) for w in starts]
        w = min(scaled, key=self.squares)
        self.free = np.ones(len(w), dtype=bool)
        self.free[np.argmax(np.abs(trace * w * self.equations.is_quadratic))] = False
        return w

    def of_measured_accelerations(self) -> np.ndarray:
        """The least squares of E(w) = 0 at accelerations of the data, mean masses given.

        With w = prior + delta, and delta of the held weight such that the mean of M stays.
        """
        weights, n_wide, w = self.part.weights, self.part.n_wide, self.prior.copy()
        R, held = self.factor_of_E(), None
        if self.equations.has_free_scale:
            params = self.equations.with_last(self.params, w)
            trace = self.equations.trace(params, self.X)[weights]
            held = int(np.argmax(np.abs(trace * w[weights])))
            R[:, :-1] -= np.outer(R[:, held], trace / trace[held])
            R = triangular(np.delete(R, held, axis=1))
            n_wide -= held < n_wide
        kept = weights if held is None else np.delete(weights, held)
        d = len(self.part.columns)
        size = d * self.problem.weight_of(self.rows)
        factor = Factor(R, kept, n_wide, d * len(self.rows), size)
        delta = solve([factor], self.equations.n_last, tau=self.tau, alpha=self.alpha).w
        if held is not None:
            delta[weights[held]] = -(trace @ delta[weights]) / trace[held]
        return w + delta

    def factor_of_E(self) -> np.ndarray:
        """R of [dE/dw, -E(prior)], each force times the size of its velocity, as energies."""
        equations, problem, weights = self.equations, self.problem, self.part.weights
        R = np.zeros((0, len(weights) + 1))
        step = max(4 * equations.n_last // problem.n_targets, 64)
        for first in range(0, len(self.rows), step):
            X, y, c = problem.take(self.rows[first : first + step])
            A, known = equations.implied(self.params, X, y)
            t = -known - A @ self.prior
            own = np.concatenate([A[..., weights], t[..., None]], axis=2)
            own *= np.sqrt(c * problem.total_weight)[:, None, None] * equations.v_size[:, None]
            R = triangular(np.concatenate([R, own.reshape(-1, len(weights) + 1)]))
        return R
