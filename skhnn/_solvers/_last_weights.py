r"""The last weights of some equations of motion, hidden layers as they are, by the evidence.

Where the field is linear in them this is one least squares (``_evidence.py``); forces that depend
on velocities are fitted first with the velocities of the data, then with those of the model.

Masses are not linear: the accelerations are M(w)^-1 F(w). Their equations E(w) = 0 are, and as a
start these are solved at the measured accelerations, for masses of a given mean. The noise of the
accelerations makes these masses too small, so that Gauss-Newton steps follow, each of them a least
squares by the evidence of

    y - f(w_k) = J (w - w_k),    J = df/dw = -M^-1 dE/dw at predicted accelerations.
"""

import numpy as np

from .._data import DerivativeFit, Factor, KnownWeights, Problem, known_last_weights, triangular
from ..hamiltonians import Equations, LagrangianEquations, Params
from ._evidence import LinearFit, solve

# Gauss-Newton ends after so many steps, or where the squares change by less than this part.
_STEPS, _CHANGE = 12, 1e-3
# A step may leave so many times what the linear equations promise.
_PROMISE = 2.0
_HALVINGS = 12
# The weights of accelerations, relative to one over their variances, are within this factor.
_WEIGHTS = 100.0
_ROWS_FOR_QUADRATIC_ENERGIES = 20_000
# Equations for each of them where training starts.
_EQUATIONS_FOR_A_START = 24
# Singular values that are smaller, relative to the largest, stand for nothing that varies.
_NO_VARIATION = 1e-6
_ROWS_FOR_MASSES, _ROWS_FOR_A_START = 2000, 500
# Rows at which masses are looked at.
_ROWS_OF_MASSES = 400


def fit_last_weights(
    problem: Problem,
    equations: Equations,
    params: Params,
    rows: np.ndarray,
    *,
    tau: float = 1.0,
    alpha: float = 0.0,
    around: np.ndarray | None = None,
    judge: Problem | None = None,
    n_steps: int | None = None,
) -> LinearFit:
    """The last weights for some rows of a problem.

    ``alpha`` is the smallest ridge. The prior of w has its mean at zero, or ``around`` other last
    weights. With a ``judge`` the ridge is the largest that is about the best on its rows.
    ``n_steps`` bounds the steps where there are any.
    """
    known = known_last_weights(equations, params, problem.scaling)
    if not equations.is_linear:
        assert isinstance(equations, LagrangianEquations)
        if around is not None:
            known = KnownWeights(np.where(known.free, around, known.w), known.free)
        implicit = _Implicit(problem, equations, params, rows, known, judge, tau, alpha)
        return implicit.fit(n_steps or _STEPS)
    if around is None:
        around = np.zeros(equations.n_last)
    start = np.where(known.free, around, known.w)
    for with_own_rates in (False, True) if equations.forces else (False,):
        factors = _factors(problem, equations, params, rows, start, known.free, with_own_rates)
        judges = None
        if judge is not None:
            rows_of_judge = np.arange(judge.n_samples)
            judges = _factors(
                judge, equations, params, rows_of_judge, start, known.free, with_own_rates
            )
        fit = solve(factors, equations.n_last, tau=tau, alpha=alpha, judges=judges)
        fit.w += start
        params = equations.with_last(params, fit.w)
    return fit


def _factors(
    problem: Problem,
    equations: Equations,
    params: Params,
    rows: np.ndarray,
    start: np.ndarray,
    free: np.ndarray,
    with_own_rates: bool,
) -> list[Factor]:
    data = DerivativeFit(problem, equations)
    return data.reduced(params, rows, start, free, with_own_rates=with_own_rates)


def initial_params(equations: Equations, problem: Problem, rng: np.random.RandomState) -> Params:
    """Random networks, beside the known functions and quadratic energies that fit best alone.

    From zero SOAP came, in as many steps, to 1.6 times the error of a network without such energies
    on a chain of waves, from here to a quarter of it. Energies that stayed as they are had 1.2
    times the error of those that are trained (geometric mean of six systems, three seeds), as had
    those with smaller steps.
    """
    params = equations.init_params(rng)
    if not equations.is_linear:
        rows = _evenly(problem.n_samples, _ROWS_FOR_A_START)
        fit = fit_last_weights(problem, equations, params, rows, n_steps=2)
        return equations.with_last(params, fit.w)
    known = known_last_weights(equations, params, problem.scaling)
    quadratic = equations.is_quadratic
    w = np.where(quadratic, known.w, 0.0)
    n_rows = max(_EQUATIONS_FOR_A_START * int(quadratic.sum()) // problem.n_targets, 1000)
    rows = _evenly(problem.n_samples, n_rows)
    alone = equations.with_last(params, w)
    for factor in DerivativeFit(problem, equations).reduced(alone, rows, w, known.free & quadratic):
        R = factor.R
        w[factor.weights] = np.linalg.lstsq(R[:, :-1], R[:, -1], rcond=_NO_VARIATION)[0]
    return equations.with_last(params, equations.last(params) + w)


def _evenly(n: int, n_rows: int) -> np.ndarray:
    """At most ``n_rows`` of n rows, evenly spaced."""
    return np.linspace(0, n - 1, min(n, n_rows)).astype(int)


def with_quadratic_energies(
    problem: Problem,
    equations: Equations,
    params: Params,
) -> Params:
    """The params with the quadratic energies that are best beside the networks as they are.

    A training leaves its noise in them, and most of it where the data do not determine them: the
    steps of Adam and SOAP are of one size, however small the slope.
    """
    if not equations.is_linear:
        rows = _evenly(problem.n_samples, _ROWS_FOR_MASSES)
        return equations.with_last(params, fit_last_weights(problem, equations, params, rows).w)
    known = known_last_weights(equations, params, problem.scaling)
    quadratic = equations.is_quadratic
    w = np.where(quadratic, known.w, equations.last(params))
    free = known.free & quadratic
    if not free.any():
        return equations.with_last(params, w)
    rows = _evenly(problem.n_samples, _ROWS_FOR_QUADRATIC_ENERGIES)
    factors = DerivativeFit(problem, equations).reduced(params, rows, w, free)
    return equations.with_last(params, w + solve(factors, equations.n_last).w)


class _Implicit:
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
        self.parts = self.data.parts(np.ones(equations.n_last, dtype=bool))
        every = max(len(rows) // _ROWS_OF_MASSES, 1)
        self.X = problem.take(rows[::every])[0]
        self.first_weights = problem.scaling.w

    def fit(self, n_steps: int) -> LinearFit:
        """The weights of the better of two starts, after the steps from there."""
        w = self.start()
        if self.equations.has_free_scale:
            w = self.scaled(w)
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
            if k and abs(squares - before) <= _CHANGE * before:
                break
        linear.w = w
        linear.left = float(np.sqrt(squares / max(linear.n_equations, 1)))
        return linear

    def weigh_columns(self, w: np.ndarray) -> None:
        """Give each acceleration the weight that its own residuals deserve, within bounds.

        The product of the factors is one, so that evidences can be compared.
        """
        params = self.equations.with_last(self.params, w)
        X, y, root = self.data.problem.equations(slice(None))
        columns = self.parts[0].columns
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
        found = float(self.data.squares(params, self.parts).sum())
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
        """Weights with positive masses: those of the measured accelerations, or alike ones."""
        before = self.equations.last(self.params)
        return min((self.prior, before, self.of_measured_accelerations()), key=self.squares)

    def scaled(self, w: np.ndarray) -> np.ndarray:
        """The same L in the unit at which the mean of M is that of the prior; holds a weight."""
        params = self.equations.with_last(self.params, w)
        trace = self.equations.trace(params, self.X)
        factor = (trace @ self.prior) / (trace @ w)
        w = factor * w
        self.free = np.ones(len(w), dtype=bool)
        self.free[np.argmax(np.abs(trace * w * self.equations.is_quadratic))] = False
        return w

    def of_measured_accelerations(self) -> np.ndarray:
        """The least squares of E(w) = 0 at accelerations of the data, mean masses given."""
        equations, problem, params = self.equations, self.problem, self.params
        (part,) = self.parts
        weights = part.weights
        R = np.zeros((0, len(weights) + 1))
        step = max(4 * equations.n_last // problem.n_targets, 64)
        size = equations.v_size
        for first in range(0, len(self.rows), step):
            X, y, c = problem.take(self.rows[first : first + step])
            A, t = equations.implied(params, X, y)
            own = np.concatenate(
                [A[..., weights], -t[..., None] - (A @ self.prior)[..., None]], axis=2
            )
            own *= np.sqrt(c * problem.total_weight)[:, None, None] * size[:, None]
            R = triangular(np.concatenate([R, own.reshape(-1, len(weights) + 1)]))
        if equations.has_free_scale:  # delta of the held weight follows from the others
            trace = equations.trace(params, self.X)[weights]
            held = int(np.argmax(np.abs(trace * self.prior[weights])))
            R[:, :-1] -= np.outer(R[:, held], trace / trace[held])
            R = np.delete(R, held, axis=1)
        n_wide = part.n_wide
        kept = weights
        if equations.has_free_scale:
            kept, n_wide = np.delete(weights, held), n_wide - (held < n_wide)
        n = len(self.rows) * len(part.columns)
        factor = Factor(
            triangular(R), kept, n_wide, n, float(problem.weight_of(self.rows)) * len(part.columns)
        )
        w = self.prior + solve([factor], equations.n_last, tau=self.tau, alpha=self.alpha).w
        if equations.has_free_scale:
            delta = (w - self.prior)[weights]
            w[weights[held]] -= trace @ delta / trace[held] - delta[held]
        return w
