r"""The last weights where masses are among them, so that the field is not linear in them.

The accelerations are M(w)^-1 F(w). Their equations E(w) = 0 are linear, and as a start these are
solved at the measured accelerations (``_measured_accelerations.py``). The noise of these makes
masses too small, so that Gauss-Newton steps follow, each of them a least squares by the evidence of

    y - f(w_k) = J (w - w_k),    J = df/dw = -M^-1 dE/dw at predicted accelerations.

Where L has no unit J w = 0, and masses stay as large as they are (``_directions.py``).
"""

import time
from dataclasses import replace

import numpy as np

from .._data import DerivativeFit, Factor, KnownWeights, Problem, triangular
from ..hamiltonians import LagrangianEquations, Params
from ._directions import Directions
from ._evidence import LinearFit, solve
from ._measured_accelerations import MeasuredAccelerations

# Gauss-Newton ends after so many steps.
STEPS = 12


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
        self.prior, self.judge = known.w, judge
        self.free = Directions.alone(np.flatnonzero(known.free))
        self.tau, self.alpha = tau, alpha
        self.data = DerivativeFit(problem.subset(rows), equations)
        (self.part,) = self.data.parts(np.ones(equations.n_last, dtype=bool))
        # Rows at which masses, and residuals, are looked at.
        rows_of_masses = 400
        every = max(len(rows) // rows_of_masses, 1)
        self.X = problem.take(rows[::every])[0]
        self.first_weights = problem.scaling.w

    def fit(self, n_steps: int, deadline: float = np.inf) -> LinearFit:
        """The best weights on the way of some steps, one at least, from the best start.

        Steps may lead to more squares, as far as the linear equations say so (a larger ridge).
        """
        w, least = self.start(), np.inf
        # Or where this part of the accelerations is left.
        rounding = 1e-13
        # A step may leave so many times what the linear equations promise. With 2 linear systems of
        # four coordinates, 10 % of noise, had 1.5 times the error.
        promise = 1.2
        change = 1e-3  # or where the squares change by less than this part
        for k in range(n_steps):
            before, linear = self.squares(w), self.linearised(w)
            goal = max(before, promise * linear.left**2 * linear.n_equations)
            step, squares = self.step_towards(linear.w, w, goal)
            if k == 0 or step is not None:
                w = w if step is None else w + step
                of_columns = self.left_of_columns(w)
                logarithm = float(np.log(of_columns).sum())
                if k == 0 or logarithm < least:
                    left = float(np.sqrt(squares / max(linear.n_equations, 1)))
                    best, least = replace(linear, w=w, left=left), logarithm
            stands_still = k and abs(squares - before) <= change * before
            is_rounding = squares <= rounding**2 * linear.n_equations
            if step is None or stands_still or is_rounding or time.perf_counter() > deadline:
                break
            self.weigh_columns(of_columns)
        return best

    def step_towards(
        self, goal: np.ndarray, w: np.ndarray, most: float
    ) -> tuple[np.ndarray | None, float]:
        """The step from w to the goal, or a half, a quarter, ... of it, and what it leaves.

        None where all of them leave more squares than ``most``.
        """
        step = goal - w
        halvings = 12
        for _ in range(halvings):
            squares = self.squares(w + step)
            if squares <= most:
                return step, squares
            step = 0.5 * step
        return None, self.squares(w)

    def left_of_columns(self, w: np.ndarray) -> np.ndarray:
        """The mean squares of what is left of each acceleration, in units of its spread."""
        params, columns = self.equations.with_last(self.params, w), self.part.columns
        rows_of_residuals = 5000
        some = self.rows[:: -(-len(self.rows) // rows_of_residuals)]
        X, y, c = self.problem.take(some)
        r = (y - self.equations.field(params, X))[:, columns]
        squares = (c / c.sum()) @ (r**2) * self.first_weights[columns]
        return np.maximum(squares, np.finfo(float).tiny)

    def weigh_columns(self, left: np.ndarray) -> None:
        """Give each acceleration the weight that what is left of it deserves, within bounds.

        The product of the factors is one, so that evidences can be compared.
        """
        columns, weights = self.part.columns, self.first_weights.copy()
        ratio = np.exp(np.mean(np.log(left))) / left
        # The weights of accelerations, relative to one over their variances, are within this
        # factor.
        most_weight = 100.0
        weights[columns] *= np.clip(ratio, 1.0 / most_weight, most_weight)
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
        params, m = self.equations.with_last(self.params, w), self.equations.n_last
        start = np.where(self.free.moves(m), self.prior, w)

        def factors(problem: Problem, rows: np.ndarray) -> list[Factor]:
            found = DerivativeFit(problem, self.equations).reduced(
                params, rows, start, self.free.moves(m)
            )
            return [along(self.free, factor) for factor in found]

        judges = None
        if self.judge is not None:
            judges = factors(self.judge, np.arange(self.judge.n_samples))
        fit = solve(
            factors(self.problem, self.rows),
            m,
            judges=judges,
            tau=self.tau,
            alpha=self.alpha,
        )
        fit.w = start + self.free.full(fit.w[self.free.places], m)
        return fit

    def start(self) -> np.ndarray:
        """Weights with positive masses: of the measured accelerations, of others, or alike ones.

        Where L has no unit it gets the one at which the mean of M is that of the prior, and keeps
        it. (Masses whose mean is nearly zero have none.)
        """
        measured = MeasuredAccelerations(
            self.problem, self.equations, self.params, self.rows, self.part, self.prior, self.X,
            tau=self.tau, alpha=self.alpha,
        )  # fmt: skip
        starts = [
            self.prior,
            self.equations.last(self.params),
            measured.least_squares(),
            measured.with_positive_masses(),
        ]
        if not self.equations.has_free_scale:
            return min(starts, key=self.squares)
        trace = self.equations.trace(self.params, self.X)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scaled = [w * ((trace @ self.prior) / (trace @ w)) for w in starts]
        w = min(scaled, key=self.squares)
        found = self.equations.with_last(self.params, w)
        self.free = Directions.of_all(self.equations, found, self.X)
        return w


def along(free: Directions, factor: Factor) -> Factor:
    """The same equations by changes along directions; the weight that follows has no column."""
    if free.follower is None:
        return factor
    (k,) = np.flatnonzero(factor.weights == free.follower)
    weights = np.delete(factor.weights, k)
    # Places are sorted.
    slopes = free.slopes[np.searchsorted(free.places, weights)]
    R = np.delete(factor.R, k, axis=1)
    R[:, :-1] += np.outer(factor.R[:, k], slopes)
    n_wide = factor.n_wide - int(k < factor.n_wide)
    return Factor(triangular(R), weights, n_wide, factor.n_equations, factor.size)
