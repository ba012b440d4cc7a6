"""Whether velocities are momenta: masses of one against others, on rows left out."""

import time
from functools import reduce
from operator import add

import numpy as np

from .._data import Problem
from ..forces import Damping, Force, Inputs
from ..hamiltonians import Hamiltonian, Natural, with_forces
from ._look import UNITS, is_too_much, left_out_of_some, squares_of_sampled
from ._masses_when_trained import unit_masses_train_as_well
from ._regression import field_without_mechanics
from ._rule import error_of, simplest, typical

# Mechanics may have so many times the mean squared error of a regression.
BEATEN = 2.0
# Errors below this part of the accelerations are no reason for a word: between neighbours on an
# orbit a regression interpolates (Saturn: 0.08 % against 0.3 %).
GOOD = 1e-2
# What is far better must be more than a bad fit (three bodies that meet: 0.83 by other masses
# against 0.89 by those of one, which are right).
SOMETHING = 0.5
OTHER_MASSES = (Natural(), Natural("full", "q"), Natural("q"))


def unit_masses_fit(problem: Problem, deadline: float = np.inf) -> bool:
    """Whether rows (q, v) are canonical as they are: masses of one, V(q) and perhaps friction.

    At the ``deadline``, by ``time.perf_counter``, and with many coordinates, as far as is known.
    """

    def is_late() -> bool:
        return time.perf_counter() > deadline

    if is_late() or is_too_much(problem):
        return True
    most_for_sampled = 3
    if problem.layout.n_rates > most_for_sampled:
        return unit_masses_train_as_well(problem, deadline)
    left_out, rng = left_out_of_some(problem)
    n_inputs = problem.layout.n_inputs if problem.input_matrix is None else 0

    def squares_of(
        hamiltonian: Hamiltonian, friction: bool = False, n_units: int = UNITS
    ) -> np.ndarray:
        forces: list[Force] = [Damping()] * friction + [Inputs()] * bool(n_inputs)
        if forces:
            hamiltonian = with_forces(hamiltonian, reduce(add, forces))
        return squares_of_sampled(left_out, hamiltonian, rng, deadline, n_units)

    unit = squares_of(Natural(1.0))
    if error_of(unit) < GOOD or is_late():
        return True
    without = left_out.squares(field_without_mechanics(left_out))
    if is_late():
        return True
    # There is noise, or something else than masses of one: other masses?
    unit = squares_of(Natural(1.0), friction=True)
    is_beaten = simplest([unit, BEATEN * without]) != 0
    # Others must explain half of what masses of one leave and a regression does not, on the scale
    # of logarithms: right ones did 0.6 to 1.3 of it (five systems, noise of 0, 0.01 and 0.1, from
    # 60 rows on), wrong ones of canonical states up to 0.5. Where a regression says nothing they
    # must have a quarter of the error: on orbits of like energies v^2 tells how near the Sun is,
    # and masses of q had 0.30 of it and more.
    explained, far_better = 0.5, 0.25
    # Of what is good already no more is asked: of twenty rows without noise a regression left 1e-10
    # of two carts, and a few units and other masses 3e-3.
    least = np.maximum(without, 0.5 * GOOD**2)
    most = _between(unit, least, explained) if is_beaten else far_better * typical(unit)
    # A potential of four times the units must explain less than an eighth of what other masses do:
    # it did up to 0.09 of it where masses are others, and 0.18 and more on ellipses, where masses
    # of q are just more flexible.
    wider, little = 4, 0.125
    for one in _other_masses(problem.layout.n_rates):
        if is_late():
            break
        squares = squares_of(one, friction=True)
        explains = typical(squares) < most and error_of(squares) < SOMETHING
        if explains and simplest([unit, squares]) == 1:
            wide = squares_of(Natural(1.0), friction=True, n_units=wider * UNITS)
            return typical(wide) < _between(unit, squares, little)
    return True


def _between(first: np.ndarray, second: np.ndarray, part: float) -> float:
    """The typical error that is so far from the first to the second, by logarithms."""
    return typical(first) ** (1.0 - part) * typical(second) ** part


def _other_masses(d: int) -> tuple[Hamiltonian, ...]:
    """Those that are other forces than masses of one: a single constant mass is a scale of V."""
    if d == 1:
        return OTHER_MASSES[2:]
    return OTHER_MASSES


def better_as_velocities(
    as_momenta: tuple[Problem, Hamiltonian],
    as_velocities: tuple[Problem, Hamiltonian],
    spread: np.ndarray,
    deadline: float = np.inf,
) -> bool:
    """Whether a Hamiltonian that is given fits rows (q, v) far better where v are no momenta.

    For one of distances: with a free potential few orbits about the Sun do so by chance.
    ``spread``, (2d,), is that of the derivatives. At the ``deadline`` they are taken for momenta.
    """
    squares = []
    for problem, hamiltonian in (as_momenta, as_velocities):
        if time.perf_counter() > deadline or is_too_much(problem):
            return False
        left_out, rng = left_out_of_some(problem)
        w = np.divide(problem.scaling.f, spread, out=np.zeros_like(spread), where=spread > 0.0) ** 2
        squares.append(squares_of_sampled(left_out, hamiltonian, rng, deadline, w=w))
    of_momenta, of_velocities = squares
    # A Hamiltonian of distances is read both ways, and velocities must leave half of what momenta
    # do: they left up to 0.26 where masses were others (81 data sets of two bodies, noise up to 10
    # %), and 0.73 and more of canonical ones (81 of one and three bodies, 60 to 480 rows).
    given = 0.5
    return simplest(squares) == 1 and typical(of_velocities) < given * typical(of_momenta)
