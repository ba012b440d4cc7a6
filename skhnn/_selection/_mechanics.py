"""Whether positions and velocities obey mechanics: a Lagrangian against a regression without it.

Both predict the accelerations of rows left out, any rows: a run that goes farther than all others
would say more of how two models go on beyond their data than of mechanics.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from .._data import Problem, some
from .._solvers import equations_of, filled
from .._solvers._last_weights import fit_last_weights
from .._solvers._layers import units_for
from ..forces import Damping, Force, Inputs
from ..hamiltonians import HAMILTONIANS, Equations, Hamiltonian, Natural, Params, with_forces
from ._heavy_tail import heavy_tail
from ._left_out import LeftOut, Model
from ._regression import field_without_mechanics
from ._rule import error_of, simplest, typical

_ROWS, _UNITS, _MOST_ROWS = 1000, 100, 20_000
# Equations, times the square of the unknowns: a fit of a second, of which there are up to fifteen.
# All rows up to ten coordinates, 70 of them of 25. Fewer equations for each unknown tell nothing:
# with more coordinates velocities are not looked for.
_WORK, _EQUATIONS = 1e9, 2
# Mechanics may have so many times the mean squared error of a regression.
_BEATEN = 2.0
# Errors below this part of the accelerations are no reason for a word: between neighbours on an
# orbit a regression interpolates (Saturn: 0.08 % against 0.3 %).
_GOOD = 1e-2
# With larger ones, other masses are tried where a regression is no better. They must be more than a
# bad fit (three bodies that meet: 0.83 against 0.89 for masses of one, which are right).
_POOR, _SOMETHING, _MOST_FOR_MASSES_OF_Q = 0.2, 0.5, 3
_OTHERS = (Natural(), Natural("full", "q"), Natural("q"))
# Others must explain half of what masses of one leave and a regression does not, on the scale of
# logarithms: right ones did 0.6 to 1.3 of it (five systems, noise of 0, 0.01 and 0.1, from 60 rows
# on), wrong ones of canonical states up to 0.5. Where a regression says nothing they must have a
# quarter of the error: on orbits of like energies v^2 tells how near the Sun is, and masses of q
# had 0.30 of it and more.
_EXPLAINED, _FAR_BETTER = 0.5, 0.25
# A potential of four times the units must explain less than an eighth of what other masses do: it
# did up to 0.09 of it where masses are others, and 0.18 and more on ellipses, where masses of q are
# just more flexible.
_WIDER, _LITTLE = 4, 0.125
# Up to so many coordinates that turn are tried as the only angle, too.
_MOST_ALONE = 3
_ANY, _OF_CONSTANT_MASSES = HAMILTONIANS["mlp"], HAMILTONIANS["mechanical"]
_SAMPLINGS, _STEPS = (("hinge", 0.06), ("hinge", 0.2), ("pairs", 0.15)), 3


@dataclass(frozen=True)
class Comparison:
    """Errors of accelerations in the geometric mean, in units of their spread; who is better."""

    with_mechanics: float
    without: float
    is_beaten: bool


def unit_masses_fit(problem: Problem, deadline: float = np.inf) -> bool:
    """Whether rows (q, v) are canonical as they are: masses of one, V(q) and perhaps friction.

    At the ``deadline``, by ``time.perf_counter``, and with many coordinates, as far as is known.
    """

    def is_late() -> bool:
        return time.perf_counter() > deadline

    if is_late() or _EQUATIONS * _n_unknowns(problem) ** 3 > _WORK:
        return True
    left_out, rng = left_out_of_some(problem)
    n_inputs = problem.layout.n_inputs if problem.input_matrix is None else 0

    def sampled(
        hamiltonian: Hamiltonian, friction: bool = False, n_units: int = _UNITS
    ) -> np.ndarray:
        forces: list[Force] = [Damping()] * friction + [Inputs()] * bool(n_inputs)
        if forces:
            hamiltonian = with_forces(hamiltonian, reduce(add, forces))
        return squares_of_sampled(left_out, hamiltonian, rng, deadline, n_units)

    unit = sampled(Natural(1.0))
    if error_of(unit) < _GOOD or is_late():
        return True
    without = left_out.squares(field_without_mechanics(left_out))
    if error_of(unit) < _POOR and simplest([unit, _BEATEN * without]) == 0:
        return True
    if is_late():
        return True
    # Either both are poor, or there is something else than masses of one: other masses?
    unit = sampled(Natural(1.0), friction=True)
    is_beaten = simplest([unit, _BEATEN * without]) != 0
    most = _between(unit, without, _EXPLAINED) if is_beaten else _FAR_BETTER * typical(unit)
    for one in _other_masses(problem.layout.n_rates):
        if is_late():
            break
        squares = sampled(one, friction=True)
        explains = typical(squares) < most and error_of(squares) < _SOMETHING
        if explains and simplest([unit, squares]) == 1:
            wide = sampled(Natural(1.0), friction=True, n_units=_WIDER * _UNITS)
            return typical(wide) < _between(unit, squares, _LITTLE)
    return True


def _between(first: np.ndarray, second: np.ndarray, part: float) -> float:
    """The typical error that is so far from the first to the second, by logarithms."""
    return typical(first) ** (1.0 - part) * typical(second) ** part


def _other_masses(d: int) -> tuple[Hamiltonian, ...]:
    """Those that are other forces than masses of one: a single constant mass is a scale of V."""
    if d == 1:
        return _OTHERS[2:]
    return _OTHERS if d <= _MOST_FOR_MASSES_OF_Q else _OTHERS[:1]


def angles_among(as_angles: Callable[[Collection[int]], Problem], columns: list[int]) -> list[int]:
    """Those of the columns that a Hamiltonian fits better as angles; none if it does not.

    ``as_angles`` is the problem in which these columns have periods.
    """

    def squares(angles: Collection[int]) -> np.ndarray:
        problem = as_angles(angles)
        left_out, rng = left_out_of_some(problem)
        kinds = _OTHERS if problem.layout.has_velocities else (_ANY, _OF_CONSTANT_MASSES)
        of_each = [squares_of_sampled(left_out, H, rng) for H in kinds]
        return min(of_each, key=error_of)

    alone = [[k] for k in columns] if 1 < len(columns) <= _MOST_ALONE else []
    tried = [(squares(angles), angles) for angles in (columns, *alone)]
    best, found = min(tried, key=lambda pair: error_of(pair[0]))
    if simplest([squares(()), best]) == 0:
        return []
    for k in found:  # a position that H does not depend on has any period
        others = [j for j in found if j != k]
        if simplest([squares(others), best]) == 0:
            found = others
    return found


def compare(problem: Problem, model: Model) -> Comparison:
    """A fitted Lagrangian, its last weights fitted without the rows left out, with a regression."""
    left_out, _ = left_out_of_some(problem)
    squares = left_out.squares(left_out.fields(_refit(*model)))
    without = left_out.squares(field_without_mechanics(left_out))
    is_beaten = simplest([squares, _BEATEN * without]) != 0 and error_of(squares) > _GOOD
    return Comparison(typical(squares), typical(without), is_beaten)


def with_friction(problem: Problem, model: Model) -> tuple[Model, float] | None:
    """The model with a damping beside it, all last weights fitted again, and its typical error.

    None where that is not far better on rows left out, or the model good enough without.
    """
    left_out, rng = left_out_of_some(problem)
    equations, params = model
    damped = equations_of(with_forces(equations.hamiltonian, Damping()), problem)
    X = problem.take(slice(0, 1))[0]
    params = [*params, *damped.sample_params(X, rng, *_SAMPLINGS[0])[len(params) :]]
    squares = [left_out.squares(left_out.fields(_refit(*one))) for one in (model, (damped, params))]
    is_good = error_of(squares[0]) <= _GOOD
    if is_good or simplest([squares[0], _BEATEN * squares[1]]) == 0:
        return None
    return _refit(damped, params)(problem), typical(squares[1])


def _refit(equations: Equations, params: Params) -> Callable[[Problem], Model]:
    """The same hidden layers with last weights for a problem."""

    def fit(problem: Problem) -> Model:
        rows = some(np.arange(problem.n_samples), _MOST_ROWS, np.random.RandomState(0))
        fitted = fit_last_weights(problem, equations, params, rows)
        return equations, equations.with_last(params, fitted.w)

    return fit


def left_out_of_some(problem: Problem) -> tuple[LeftOut, np.random.RandomState]:
    """Some rows, a part of which is left out, and random numbers of their own.

    Those of a heavy tail count for less, as in a fit: least squares of a close encounter misses the
    rest of an orbit, which masses of q then seemed to explain.
    """
    rng = np.random.RandomState(0)  # the fit must not depend on it
    n_unknowns = _n_unknowns(problem)
    n_equations = max(int(_WORK / n_unknowns**2), _EQUATIONS * n_unknowns)
    n_rows = min(_ROWS, n_equations // max(problem.layout.n_rates, 1))
    rows = rng.permutation(problem.n_samples)[:n_rows]
    some_rows = problem.subset(rows).without_groups()
    typical_size = heavy_tail(some_rows)
    if typical_size:
        some_rows = some_rows.reweighted(typical_size)
    return LeftOut(some_rows, rng, each_in_turn=False), rng


def _n_unknowns(problem: Problem) -> int:
    """Of units, quadratic energies and friction."""
    d = problem.layout.n_rates
    return _UNITS + d * (d + 1)


def squares_of_sampled(
    left_out: LeftOut,
    hamiltonian: Hamiltonian,
    rng: np.random.RandomState,
    deadline: float = np.inf,
    n_units: int = _UNITS,
) -> np.ndarray:
    """What a few sampled units leave of the rows left out; the evidence chooses the sampling.

    After the ``deadline`` the first one is as good as any.
    """
    training = left_out.training
    X = training.take(slice(None))[0]
    units = units_for(hamiltonian, n_units, training)
    equations = equations_of(filled(hamiltonian, (units,)), training)
    found: list[tuple[float, Params]] = []
    for method, scale in _SAMPLINGS:
        if found and time.perf_counter() > deadline:
            break
        params = equations.sample_params(X, rng, method, scale, training.scaling.reads)
        rows = np.arange(training.n_samples)
        fit = fit_last_weights(training, equations, params, rows, n_steps=_STEPS, deadline=deadline)
        found.append((fit.log_evidence, equations.with_last(params, fit.w)))
    _, params = max(found, key=lambda pair: pair[0])
    return left_out.squares(left_out.fields(lambda _: (equations, params)))
