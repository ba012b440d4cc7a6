"""Which Hamiltonians the default compares, and which of them are worth a training."""

import contextlib
from collections.abc import Sequence

from .._data import Problem
from .._solvers import SolverOptions, Start
from ..hamiltonians import (
    Hamiltonian,
    has_constant_masses,
    named,
    with_forces,
    with_forces_of,
)
from ._linear_velocities import velocities_are_linear
from ._race import Standing


def candidates_for(problem: Problem, start: Start, options: SolverOptions) -> list[Hamiltonian]:
    """The Hamiltonian asked for, or those with names, the simplest first.

    Each is followed by itself with the forces that are optional, if there are any.
    """
    found = []
    for hamiltonian in _without_optional(problem, start, options):
        found.append(hamiltonian)
        if start.optional is not None:
            found.append(with_forces(hamiltonian, start.optional))
    return found


def _without_optional(problem: Problem, start: Start, options: SolverOptions) -> list[Hamiltonian]:
    """The one asked for, or of those with names, what the columns admit; with forces asked for."""
    asked_for, layout = start.hamiltonian, problem.layout
    if not start.hamiltonian_is_open:
        return [asked_for]
    (first, *_), found, names = asked_for.layers(), [], named(layout)
    layers = first.hidden_layer_sizes, first.activation
    if velocities_are_linear(problem):
        names = {"mechanical": names["mechanical"]}
        why = "velocities are linear in the momenta"
        options.tell({"hamiltonian": "mechanical", "why": why})
    for one in names.values():
        hamiltonian = one.map_layers(lambda *_: layers)
        with contextlib.suppress(ValueError):  # momenta that are angles have no square
            hamiltonian.declare(layout)
            found.append(with_forces_of(asked_for, hamiltonian))
    return found


def with_as_many_forces(
    hamiltonians: Sequence[Hamiltonian], n_forces: int, problem: Problem
) -> list[Hamiltonian]:
    """Those with so many forces."""
    return [h for h in hamiltonians if len(h.declare(problem.layout).forces) == n_forces]


def worth_training(
    lagrangians: Sequence[Hamiltonian], error: float, last: Sequence[Standing]
) -> list[Hamiltonian]:
    """Of Lagrangians those of the ``last`` round of a race: masses show with few units.

    Where these leave much, as of a potential of many coordinates, masses do not show, and all
    constant ones are trained: the last round of a chain of 20 had none but masses of one. ``error``
    is what they leave.
    """
    last_ones = {repr(standing.race.hamiltonian) for standing in last}
    # With larger errors of sampled units masses do not show: chains of 6 to 20 unequal masses had
    # 0.2 to 0.6, other systems less.
    masses_show = 0.2
    show = error < masses_show
    return [h for h in lagrangians if repr(h) in last_ones or (not show and has_constant_masses(h))]
