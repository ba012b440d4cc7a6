"""A fitted Hamiltonian as a module of torch. Imported only when someone asks for it."""

from typing import Any

import torch
from torch import nn

from .hamiltonians import Hamiltonian, Params, field_from_gradient


class HamiltonianModule(nn.Module):
    """The vector field J grad H and the energy H as functions of torch tensors.

    Everything is in closed form, without a graph inside, so the module can be exported and
    compiled; it can be differentiated by states and by parameters, and trained on.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        The form of H.
    params : list of ndarray
        Its numbers.
    scaling : tuple
        mu, s, e and w of the training data, carried along for ``fitted_attributes``.
    dtype : {"float64", "float32"}
        The precision.

    Attributes
    ----------
    params : torch.nn.ParameterList
        W_1, b_1, ..., w and [b, c] as in ``coefs_`` and ``intercepts_``.
    """

    def __init__(self, hamiltonian: Hamiltonian, params: Params, scaling: Any, dtype: str):
        super().__init__()
        self.form = hamiltonian
        self.scaling = scaling
        self.params = nn.ParameterList(
            nn.Parameter(torch.tensor(p, dtype=getattr(torch, dtype))) for p in params
        )
        self.eval()  # nothing here differs in training, but exporters warn of that mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """dx/dt for states x, both (..., 2d)."""
        gradient = self.form.gradient(list(self.params), x, torch)
        return field_from_gradient(gradient, torch)

    def hamiltonian(self, x: torch.Tensor) -> Any:
        """H for states x (..., 2d); the result is (...)."""
        return self.form.value(list(self.params), x, torch)

    def fitted_attributes(self) -> dict[str, Any]:
        """What an estimator with these weights has after a fit."""
        params = [p.detach().cpu().double().numpy().copy() for p in self.params]
        return {
            "coefs_": params[::2],
            "intercepts_": params[1::2],
            "hidden_layer_sizes_": self.form.hidden_layer_sizes,
            "n_features_in_": len(self.scaling[0]),
            "n_dof_": len(self.scaling[0]) // 2,
            "hamiltonian_": self.form.name,
            "_support": None,
            "activation_": self.form.activation,
            "_scaling": self.scaling,
            "_device": "cpu",
            "_solver_state": None,
        }
