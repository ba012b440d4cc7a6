"""The default solver: it chooses the Hamiltonian, its layers, and how their weights are found."""

from .._solvers import SOLVERS as _OF_ONE_HAMILTONIAN
from ._mechanics import angles_among, compare, unit_masses_fit, with_friction
from ._noise import noise_columns
from ._race import run_round
from ._select import AUTO

#: All solvers by their names.
SOLVERS = {solver.name: solver for solver in (AUTO, *_OF_ONE_HAMILTONIAN)}

__all__ = [
    "SOLVERS",
    "angles_among",
    "compare",
    "noise_columns",
    "run_round",
    "unit_masses_fit",
    "with_friction",
]
