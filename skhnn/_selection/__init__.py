"""The default solver: it chooses the Hamiltonian, its layers, and how their weights are found."""

from .._solvers import SOLVERS as _OF_ONE_HAMILTONIAN
from ._angles import angles_among
from ._comparison import Comparison
from ._friction import law_of_friction
from ._masses_of_one import GOOD, SOMETHING, better_as_velocities, unit_masses_fit
from ._noise import noise_columns
from ._race import run_round
from ._rule import ALIKE
from ._select import AUTO
from ._steadiness import MOST_EVALUATIONS, Visited, determined_beside, distances, simulated, stays

#: All solvers by their names.
SOLVERS = {solver.name: solver for solver in (AUTO, *_OF_ONE_HAMILTONIAN)}

__all__ = [
    "ALIKE",
    "GOOD",
    "MOST_EVALUATIONS",
    "SOLVERS",
    "SOMETHING",
    "Comparison",
    "Visited",
    "angles_among",
    "better_as_velocities",
    "determined_beside",
    "distances",
    "law_of_friction",
    "noise_columns",
    "run_round",
    "simulated",
    "stays",
    "unit_masses_fit",
]
