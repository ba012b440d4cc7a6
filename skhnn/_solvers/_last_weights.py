r"""The last weights of some equations of motion, hidden layers as they are, by the evidence.

Where the field is linear in them this is one least squares (``_evidence.py``); forces that depend
on velocities are fitted first with the velocities of the data, then with those of the model. Masses
are not linear (``_implicit.py``).
"""

import numpy as np

from .._data import DerivativeFit, Factor, KnownWeights, Problem, Shared, known_last_weights
from ..hamiltonians import Equations, LagrangianEquations, Params
from ._evidence import LinearFit, solve
from ._implicit import STEPS, Implicit
from ._magnitudes import magnitudes

# Equations, times the square of the unknowns, that are solved after a training: about a second.
_WORK = 1e10


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
    roughest: float = np.inf,
    deadline: float = np.inf,
    shared: Shared | None = None,
) -> LinearFit:
    """The last weights for some rows of a problem.

    ``alpha`` is the smallest ridge. The prior of w has its mean at zero, or ``around`` other last
    weights. With a ``judge`` the ridge is the largest that is about the best on its rows.
    ``n_steps`` and the ``deadline`` bound the steps where there are any; ``roughest`` is the
    rounding allowed where there are none, and ``shared`` what fits to the same rows have in common.
    """
    known = known_last_weights(equations, params, problem.scaling)
    if not equations.is_linear:
        assert isinstance(equations, LagrangianEquations)
        if around is not None:
            known = KnownWeights(np.where(known.free, around, known.w), known.free)
        implicit = Implicit(problem, equations, params, rows, known, judge, tau, alpha)
        return implicit.fit(n_steps or STEPS, deadline)
    if around is None:
        around = np.zeros(equations.n_last)
    start = np.where(known.free, around, known.w)
    for with_own_rates in (False, True) if equations.forces else (False,):
        factors = _factors(
            problem, equations, params, rows, start, known.free, with_own_rates,
            None if with_own_rates else shared,
        )  # fmt: skip
        judges = None
        if judge is not None:
            rows_of_judge = np.arange(judge.n_samples)
            judges = _factors(
                judge, equations, params, rows_of_judge, start, known.free, with_own_rates
            )
        fit = solve(
            factors, equations.n_last, tau=tau, alpha=alpha, judges=judges, roughest=roughest
        )
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
    shared: Shared | None = None,
) -> list[Factor]:
    data = DerivativeFit(problem, equations)
    return data.reduced(params, rows, start, free, with_own_rates=with_own_rates, shared=shared)


def initial_params(equations: Equations, params: Params, problem: Problem) -> Params:
    """Random networks, the params, beside the known functions and quadratic energies that fit best.

    From zero SOAP came, in as many steps, to 1.6 times the error of a network without such energies
    on a chain of waves, from here to a quarter of it. Energies that stayed as they are had 1.2
    times the error of those that are trained (geometric mean of six systems, three seeds), as had
    those with smaller steps. Beside masses all last weights are fitted.
    """
    if not equations.is_linear:
        # With none, last weights of random layers are thousands that cancel: the first steps of
        # SOAP left 1e5 times the squares, and it found back to half, or all, of the accelerations.
        # With 0.1 masses of chains of 20 showed in 2 of 4 after short trainings, with this in 3.
        alpha = 0.03
        rows_for_a_start = 500
        rows = _evenly(problem.n_samples, rows_for_a_start)
        fit = fit_last_weights(problem, equations, params, rows, n_steps=2, alpha=alpha)
        return equations.with_last(params, fit.w)
    known = known_last_weights(equations, params, problem.scaling)
    quadratic = equations.is_quadratic
    w = np.where(quadratic, known.w, 0.0)
    # Equations for each of them where training starts.
    equations_for_a_start = 24
    n_rows = max(equations_for_a_start * int(quadratic.sum()) // problem.n_targets, 1000)
    rows = _evenly(problem.n_samples, n_rows)
    sizes = magnitudes(equations, problem)
    params = [p * size for p, size in zip(params, sizes, strict=True)]
    alone = equations.with_last(params, w)
    # Singular values that are smaller, relative to the largest, stand for nothing that varies.
    no_variation = 1e-6
    for factor in DerivativeFit(problem, equations).reduced(alone, rows, w, known.free & quadratic):
        R = factor.R
        w[factor.weights] = np.linalg.lstsq(R[:, :-1], R[:, -1], rcond=no_variation)[0]
    return equations.with_last(params, equations.last(params) + w)


def _evenly(n: int, n_rows: int) -> np.ndarray:
    """At most ``n_rows`` of n rows, evenly spaced."""
    return np.linspace(0, n - 1, min(n, n_rows)).astype(int)


def settled(problem: Problem, equations: Equations, params: Params) -> Params:
    """The params with the last weights that are best beside the hidden layers as they are.

    The steps of Adam and SOAP are of one size, however small the slope, and end near the least
    squares and not at it: a pendulum without noise had 1.6e-4 of its field left, and 7e-11 so; of
    seven systems with noise and without the error was 0.82 to 1.02 times as large. Where the
    equations are too many, quadratic energies alone are solved for.
    """
    rows_for_masses = 2000
    if not equations.is_linear:
        rows = _evenly(problem.n_samples, rows_for_masses)
        return equations.with_last(params, fit_last_weights(problem, equations, params, rows).w)
    if problem.n_samples * problem.n_targets * equations.n_last**2 <= _WORK:
        rows = np.arange(problem.n_samples)
        return equations.with_last(params, fit_last_weights(problem, equations, params, rows).w)
    known = known_last_weights(equations, params, problem.scaling)
    quadratic = equations.is_quadratic
    w = np.where(quadratic, known.w, equations.last(params))
    free = known.free & quadratic
    if not free.any():
        return equations.with_last(params, w)
    rows_for_quadratic_energies = 20_000
    rows = _evenly(problem.n_samples, rows_for_quadratic_energies)
    factors = DerivativeFit(problem, equations).reduced(params, rows, w, free)
    return equations.with_last(params, w + solve(factors, equations.n_last).w)
