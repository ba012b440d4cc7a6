"""A fitted Lagrangian against a regression without mechanics, and against itself with friction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._data import Problem, some
from .._solvers import equations_of
from .._solvers._last_weights import fit_last_weights
from ..forces import Damping
from ..hamiltonians import Equations, Params, with_forces
from ._left_out import Model
from ._look import SAMPLINGS, left_out_of_some
from ._masses_of_one import BEATEN, GOOD
from ._regression import field_without_mechanics
from ._rule import error_of, simplest, typical


@dataclass(frozen=True)
class Comparison:
    """Errors of accelerations in the geometric mean, in units of their spread; who is better."""

    with_mechanics: float
    without: float
    is_beaten: bool


def compare(problem: Problem, model: Model) -> Comparison:
    """A fitted Lagrangian, its last weights fitted without the rows left out, with a regression."""
    left_out, _ = left_out_of_some(problem)
    squares = left_out.squares(left_out.fields(_refit(*model)))
    without = left_out.squares(field_without_mechanics(left_out))
    is_beaten = simplest([squares, BEATEN * without]) != 0 and error_of(squares) > GOOD
    return Comparison(typical(squares), typical(without), is_beaten)


def with_friction(problem: Problem, model: Model) -> tuple[Model, float] | None:
    """The model with a damping beside it, all last weights fitted again, and its typical error.

    None where that is not far better on rows left out, or the model good enough without.
    """
    left_out, rng = left_out_of_some(problem)
    equations, params = model
    damped = equations_of(with_forces(equations.hamiltonian, Damping()), problem)
    X = problem.take(slice(0, 1))[0]
    params = [*params, *damped.sample_params(X, rng, *SAMPLINGS[0])[len(params) :]]
    squares = [left_out.squares(left_out.fields(_refit(*one))) for one in (model, (damped, params))]
    is_good = error_of(squares[0]) <= GOOD
    if is_good or simplest([squares[0], BEATEN * squares[1]]) == 0:
        return None
    return _refit(damped, params)(problem), typical(squares[1])


def _refit(equations: Equations, params: Params) -> Callable[[Problem], Model]:
    """The same hidden layers with last weights for a problem."""
    # Rows that last weights are fitted to again.
    most_rows = 20_000

    def fit(problem: Problem) -> Model:
        rows = some(np.arange(problem.n_samples), most_rows, np.random.RandomState(0))
        fitted = fit_last_weights(problem, equations, params, rows)
        return equations, equations.with_last(params, fitted.w)

    return fit
