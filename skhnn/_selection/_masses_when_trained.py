"""Whether velocities of many coordinates are momenta: masses of one against others, trained.

A few sampled units leave so much of a potential of many coordinates that masses do not show in what
is left: they found other masses in 6 of 90 chains of 4 to 20 coordinates, a short training in 62.
"""

import time

import numpy as np

from .._data import Place, Problem
from .._solvers import Monitor, SolverOptions
from ..forces import Damping, Force, Inputs
from ..hamiltonians import Natural, with_forces
from ._look import left_out_of_some
from ._rule import typical
from ._trained import BySoap, ShortTrainings

# Steps of a training that shows masses.
_STEPS = 200


def unit_masses_train_as_well(problem: Problem, deadline: float = np.inf) -> bool:
    """Whether short trainings with constant masses are no better than with masses of one.

    At the ``deadline``, by ``time.perf_counter``, as far as is known.
    """
    left_out, rng = left_out_of_some(problem, work=np.inf)
    options = SolverOptions(Place.on_numpy("float64"), rng, deadline=deadline)
    monitor, judge = Monitor(0.0, np.inf, verbose=False), left_out.folds[0][1]
    forces: Force = Damping("diagonal")
    if problem.layout.n_inputs and problem.input_matrix is None:
        forces = forces + Inputs()

    def error(mass: float | str, n_steps: int = _STEPS) -> float:
        trainer = BySoap(monitor, options, judge, steps_of_short=n_steps)
        hamiltonian = with_forces(Natural(mass), forces)
        return typical(ShortTrainings(left_out, trainer).squares(hamiltonian))

    unit = error(1.0)
    # Other masses must have less than this part of the error, and masses of one more than that,
    # also after twice the steps. Of 140 data sets (chains and bodies of 4 to 20 coordinates, 200
    # and 1000 rows, with friction and without) wrong ones had 0.65 and more, where masses of one
    # had 0.06; right ones 0.1 to 0.56 in most. (After twice the steps both have learned the noise
    # of few rows.)
    better, poor = 0.6, 0.1
    if unit < poor or error(1.0, 2 * _STEPS) < poor:
        return True
    # With more coordinates a training with a full mass matrix takes 10 s and finds less.
    most_for_full_masses = 10
    is_small = problem.layout.n_rates <= most_for_full_masses
    for mass in ("diagonal", "full") if is_small else ("diagonal",):
        if time.perf_counter() > deadline:
            break
        if error(mass) < better * unit:
            return False
    return True
