"""A fitted Hamiltonian: everything that predicts, simulates and is saved."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ._chunks import FEW_ROWS, evaluate_in_chunks
from .hamiltonians import Equations, Hamiltonian, Params, WithForces, as_one_network


class Model:
    """Equations with their weights, and the constant of H.

    Parameters
    ----------
    equations : Equations
        The equations of motion.
    params : list of ndarray
        Their weights.
    constant : float
        What is added to H.
    """

    def __init__(self, equations: Equations, params: Params, constant: float = 0.0):
        self.equations, self.params, self.constant = equations, params, constant

    @property
    def hamiltonian(self) -> Hamiltonian:
        """What was composed, with its layers; without forces."""
        found = self.equations.hamiltonian
        return found.hamiltonian if isinstance(found, WithForces) else found

    @property
    def forces(self) -> Any:
        """The forces that were composed, or None."""
        found = self.equations.hamiltonian
        return found.forces if isinstance(found, WithForces) else None

    def bind(self) -> Callable[[np.ndarray], np.ndarray]:
        """x -> dx/dt, for x of shape (k,) or (n, k), with everything known multiplied out."""
        return self.equations.vector_field(self.params)

    def field(self, X: np.ndarray) -> np.ndarray:
        """dx/dt, (n, D)."""
        if len(X) <= FEW_ROWS:
            return np.asarray(self.equations.field(self.params, X))
        out = np.empty((len(X), self.equations.n_state))
        return evaluate_in_chunks(self.bind(), X, out, self.equations.width)

    def forces_at(self, X: np.ndarray) -> np.ndarray:
        """The part of dx/dt that is no Hamiltonian's, (n, D)."""
        of_energies = partial(self.equations.field_of_energies, self.params)
        out = np.empty((len(X), self.equations.n_state))
        return self.field(X) - evaluate_in_chunks(of_energies, X, out, self.equations.width)

    def energy(self, X: np.ndarray) -> np.ndarray:
        """H, (n,)."""
        value = partial(self.equations.value, self.params)
        energies = evaluate_in_chunks(value, X, np.empty(len(X)), self.equations.width)
        return energies + self.constant

    def jacobian(self, X: np.ndarray) -> np.ndarray:
        """The derivatives of the field by the states, (n, D, D)."""
        return np.asarray(self.equations.jacobian(self.params, X))

    def centred(self, X: np.ndarray, weight: np.ndarray) -> "Model":
        """The same with a weighted mean energy of zero over some rows."""
        energies = Model(self.equations, self.params).energy(X)
        return Model(self.equations, self.params, -float(weight @ energies / weight.sum()))

    def layers(self) -> tuple[list[np.ndarray], list[np.ndarray]] | None:
        """Weights and biases of H as one network of x, beside quadratic energies; None for others.

        See ``as_one_network``.
        """
        return as_one_network(self.equations, self.params, self.constant)


def model_of(module: Any) -> Model:
    """The model of a torch module that ``to_torch`` made."""
    params = [p.detach().cpu().double().numpy().copy() for p in module.params]
    return Model(module.equations, params, float(module.constant))
