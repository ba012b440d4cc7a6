"""Hidden layers that a user has left open, and the equations that follow once they are chosen."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._data import Problem
from ..hamiltonians import HAMILTONIANS, Equations, Hamiltonian, WithForces, equations_for

DEFAULT_ACTIVATION = "tanh"


def filled(
    hamiltonian: Hamiltonian, sizes: Sequence[int], activation: str = DEFAULT_ACTIVATION
) -> Hamiltonian:
    """The Hamiltonian with these layers and this activation where it has none."""
    return hamiltonian.map_layers(
        lambda own_sizes, own_activation: (
            tuple(sizes) if own_sizes is None else own_sizes,
            own_activation or activation,
        )
    )


def equations_of(hamiltonian: Hamiltonian, problem: Problem) -> Equations:
    """The equations in the units of a problem, of a Hamiltonian with layers."""
    scaling = problem.scaling
    # Rows, evenly spaced, that the constants of maps are set by.
    rows = 20_000
    X, _, weight = problem.rows(slice(None, None, -(-problem.n_samples // rows)))
    return equations_for(
        hamiltonian, X, weight, mu=scaling.mu, units=scaling.units, layout=problem.layout,
        structure=problem.structure, input_matrix=problem.input_matrix,
    ).in_units_of(scaling.units)  # fmt: skip


def in_units_of_the_data(
    equations: Equations, problem: Problem, input_matrix: np.ndarray | None
) -> Equations:
    """The way back, with what is known of H and of the force of inputs."""
    known = equations.hamiltonian.declare(problem.layout).known
    return equations.in_units_of_the_data(
        problem.scaling.units, known, problem.structure, input_matrix
    )


def units_for(hamiltonian: Hamiltonian, n_weights: int, problem: Problem) -> int:
    """The units of the last hidden layer with about ``n_weights`` last weights."""
    networks = hamiltonian.declare(problem.layout).networks
    return max(n_weights // max(sum(network.n_factors for network in networks), 1), 1)


def name_of(hamiltonian: Hamiltonian) -> str:
    """What the parameter ``hamiltonian`` of the estimator calls it; the code for others."""
    if isinstance(hamiltonian, WithForces):
        hamiltonian = hamiltonian.hamiltonian
    code = repr(hamiltonian.map_layers(lambda *_: (None, None)))
    return next((name for name, known in HAMILTONIANS.items() if repr(known) == code), code)


def name_and_layers(equations: Equations) -> dict[str, Any]:
    """What a report says of a model."""
    layers = equations.hamiltonian.layers()
    return {
        "hamiltonian": name_of(equations.hamiltonian),
        "hidden_layer_sizes": layers[0].hidden_layer_sizes if layers else (),
        "activation": layers[0].activation if layers else None,
    }
