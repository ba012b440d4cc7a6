"""Whether positions and velocities obey mechanics: a Lagrangian against a regression without it.

Both predict the accelerations of rows left out, any rows: a run that goes farther than all others
would say more of how two models go on beyond their data than of mechanics.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from .._data import Problem
from .._solvers import equations_of, filled
from .._solvers._last_weights import fit_last_weights
from .._solvers._layers import units_for
from ..forces import Damping, Force, Inputs
from ..hamiltonians import Hamiltonian, Natural, with_forces
from ._left_out import LeftOut, Model
from ._regression import field_without_mechanics
from ._rule import error_of, simplest, typical

_ROWS, _UNITS = 1000, 100
# Mechanics may have so many times the mean squared error of a regression.
_BEATEN = 2.0
# Errors below this part of the accelerations are no reason for a word: between neighbours on an
# orbit a regression interpolates (Saturn: 0.08 % against 0.3 %).
_GOOD = 1e-2
# With larger ones, other masses are tried where a regression is no better. They must be more than a
# bad fit (three bodies that meet: 0.83 against 0.89 for masses of one, which are right).
_POOR, _SOMETHING, _MOST_FOR_MASSES_OF_Q = 0.2, 0.5, 3
_OTHERS = (Natural(), Natural("full", "q"), Natural("q"))
_SAMPLINGS, _STEPS = (("hinge", 0.06), ("hinge", 0.2), ("pairs", 0.15)), 3


@dataclass(frozen=True)
class Comparison:
    """Errors of accelerations in the geometric mean, in units of their spread; who is better."""

    with_mechanics: float
    without: float
    is_beaten: bool


def unit_masses_fit(problem: Problem) -> bool:
    """Whether rows (q, v) are canonical as they are: masses of one, V(q) and perhaps friction."""
    left_out, rng = _left_out(problem)
    training, d = left_out.training, problem.layout.n_rates
    X = training.take(slice(None))[0]
    n_inputs = problem.layout.n_inputs if problem.input_matrix is None else 0

    def sampled(hamiltonian: Hamiltonian, friction: bool = False) -> np.ndarray:
        forces: list[Force] = [Damping()] * friction + [Inputs()] * bool(n_inputs)
        if forces:
            hamiltonian = with_forces(hamiltonian, reduce(add, forces))
        units = units_for(hamiltonian, _UNITS, training)
        equations, found = equations_of(filled(hamiltonian, (units,)), training), []
        for method, scale in _SAMPLINGS:
            params = equations.sample_params(X, rng, method, scale, training.scaling.reads)
            rows = np.arange(training.n_samples)
            fit = fit_last_weights(training, equations, params, rows, n_steps=_STEPS)
            found.append((fit.log_evidence, equations.with_last(params, fit.w)))
        _, params = max(found, key=lambda pair: pair[0])
        return left_out.squares(left_out.fields(lambda _: (equations, params)))

    unit = sampled(Natural(1.0))
    if error_of(unit) < _GOOD:
        return True
    without = left_out.squares(field_without_mechanics(left_out))
    if error_of(unit) < _POOR and simplest([unit, _BEATEN * without]) == 0:
        return True
    # Either both are poor, or there is something else than masses of one: other masses?
    unit = sampled(Natural(1.0), friction=True)
    others = _OTHERS if d <= _MOST_FOR_MASSES_OF_Q else _OTHERS[:1]
    for one in others:
        squares = sampled(one, friction=True)
        if simplest([unit, squares]) == 1 and error_of(squares) < _SOMETHING:
            return False
    return True


def compare(problem: Problem, model: Model) -> Comparison:
    """A fitted Lagrangian, its last weights fitted without the rows left out, with a regression."""
    left_out, _ = _left_out(problem)
    equations, params = model

    def fit(training: Problem) -> Model:
        rows = np.arange(training.n_samples)
        fitted = fit_last_weights(training, equations, params, rows)
        return equations, equations.with_last(params, fitted.w)

    squares = left_out.squares(left_out.fields(fit))
    without = left_out.squares(field_without_mechanics(left_out))
    is_beaten = simplest([squares, _BEATEN * without]) != 0 and error_of(squares) > _GOOD
    return Comparison(typical(squares), typical(without), is_beaten)


def _left_out(problem: Problem) -> tuple[LeftOut, np.random.RandomState]:
    rng = np.random.RandomState(0)  # of its own: the fit must not depend on it
    rows = rng.permutation(problem.n_samples)[:_ROWS]
    return LeftOut(problem.subset(rows).without_groups(), rng, each_in_turn=False), rng
