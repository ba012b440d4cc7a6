"""Which law of friction fits rows left out, the simplest first, as ``dissipation`` says it."""

from functools import reduce
from operator import add

import numpy as np

from .._data import Problem
from .._identified import with_friction_that_is_none_negative
from ..forces import CubicDamping, Damping, Force, Inputs, QuadraticDrag
from ..hamiltonians import Hamiltonian, WithForces, with_forces
from ._comparison import beaten_by
from ._look import is_too_much, left_out_of_some, sampled_model
from ._regression import field_without_mechanics
from ._rule import simplest, typical

#: What is asked for with ``dissipation``, the simplest first.
LAWS: dict[str, Force] = {
    "'linear'": Damping(),
    "Damping() + QuadraticDrag()": Damping() + QuadraticDrag(),
    "Damping() + CubicDamping()": Damping() + CubicDamping(),
    "'mlp'": Damping(depends_on_q=True),
}


def law_of_friction(problem: Problem, hamiltonian: Hamiltonian) -> tuple[str, float] | None:
    """The first of ``LAWS`` that a regression without mechanics does not beat, and its error.

    ``hamiltonian`` is that of a fit; its own friction, if it has any, is left out. None where none
    fits, or there are too many coordinates for a look.
    """
    if is_too_much(problem):
        return None
    if isinstance(hamiltonian, WithForces):
        hamiltonian = hamiltonian.hamiltonian
    inputs = [Inputs()] * bool(problem.layout.n_inputs and problem.input_matrix is None)
    left_out, rng = left_out_of_some(problem)
    without = field_without_mechanics(left_out)
    for name, law in LAWS.items():
        beside = with_forces(hamiltonian, reduce(add, [law, *inputs]))
        equations, params = sampled_model(left_out, beside, rng)
        # As a fit has it: constant damping is none negative.
        params, _ = with_friction_that_is_none_negative(equations, params, np.eye(equations.n_last))
        field = left_out.field_of((equations, params))
        squares = left_out.squares(field)
        by = beaten_by(left_out, field, without)
        if simplest([squares, by * left_out.squares(without)]) == 0:
            return name, typical(squares)
    return None
